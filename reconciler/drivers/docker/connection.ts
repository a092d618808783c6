import { readFileSync } from 'node:fs'
import type { Agent } from 'node:http'
import Docker from 'dockerode'
import type { EngineAddress, SshTarget } from '../../model/engine-address.ts'
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
    case 'ssh':
      return connectBySsh(connection)
    default:
      return connection
  }
}

/** What keeps its connection for long has one of its own: no call is to wait for the end of it. */
function connectBySsh(target: SshTarget): Docker {
  const client = (agent: Agent) => {
    const options = { ...nothing, host: 'docker', agent }
    return new Docker(options)
  }
  const lasting = client(sshAgent(target, Infinity))
  return Object.assign(client(sshAgent(target)), {
    getEvents: lasting.getEvents.bind(lasting),
    createImage: lasting.createImage.bind(lasting),
  })
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
