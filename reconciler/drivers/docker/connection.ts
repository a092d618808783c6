import { readFileSync } from 'node:fs'
import Docker from 'dockerode'
import { sshAgent, type SshTarget } from './ssh-agent.ts'

/** How an engine is reached; the files of TLS are read here. */
export type EngineConnection =
  | { readonly kind: 'socket'; readonly path: string }
  | {
      readonly kind: 'tls'
      readonly host: string
      readonly port: number
      readonly ca: string
      readonly cert: string
      readonly key: string
    }
  | (SshTarget & { readonly kind: 'ssh' })

/** A client of the engine. Nothing is connected before the first call, and nothing of the environment is looked at. */
export function connectEngine(connection: EngineConnection): Docker {
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
