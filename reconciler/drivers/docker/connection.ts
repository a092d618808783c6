import { readFileSync } from 'node:fs'
import Docker from 'dockerode'
import type { EngineAddress } from '../../model/engine-address.ts'
import { sshAgent } from './ssh-agent.ts'

/** A client of the engine; the files of TLS are read here. Nothing is connected before the first call, and nothing of the environment is looked at. */
export function connectEngine(connection: EngineAddress): Docker {
  switch (connection.kind) {
    case 'socket':
      return new Docker({ ...nothing, socketPath: connection.path })
    case 'tls': {
      const { host, port, ca, cert, key } = connection
      const files = { ca: readFileSync(ca), cert: readFileSync(cert), key: readFileSync(key) }
      return new Docker({ ...nothing, protocol: 'https', host, port, ...files })
    }
    case 'ssh': {
      const options = { ...nothing, host: 'docker', agent: sshAgent(connection) }
      return new Docker(options)
    }
    default:
      return connection
  }
}

/** What the client would take from DOCKER_HOST and its like. */
const nothing = {
  host: undefined,
  port: undefined,
  socketPath: undefined,
  protocol: 'http',
  ca: undefined,
  cert: undefined,
  key: undefined,
  timeout: undefined,
  pathPrefix: '/',
} as const
