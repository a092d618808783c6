import { resolve } from 'node:path'
import type { Configuration as ConfigurationDocument } from './model/generated/configuration.ts'
import { defined } from './model/defined.ts'
import type { EngineAddress, RegistryAccount } from './model/engine-address.ts'

/** What the docker driver is told. */
export interface DockerConfig {
  readonly engine: EngineAddress
  readonly network: string
  readonly image: string
  readonly pull: 'never' | 'missing'
  readonly registries: readonly RegistryAccount[]
  /** Where containers reach the doors, without a slash at its end. */
  readonly runtimeUrl: string
  readonly log: { readonly maxSize: string; readonly maxFiles: number }
  readonly allowInstallScripts: boolean
}

type Document = NonNullable<ConfigurationDocument['docker']>

/** Where the doors listen, and what relative paths are relative to. */
interface Surroundings {
  readonly listen: { readonly host: string; readonly port: number }
  readonly base: string
}

/** @returns a configuration, or what is wrong with it. */
export function dockerConfig(
  document: Document,
  { listen, base }: Surroundings,
): DockerConfig | { readonly wrong: string } {
  const engine = engineAddress(document, base)
  if ('wrong' in engine) return engine
  if (document.runtimeUrl === undefined && isLoopback(listen.host))
    return {
      wrong: `listen: containers cannot reach ${listen.host}: listen on an address of this machine that they reach, such as 172.17.0.1:${listen.port} or 0.0.0.0:${listen.port}, or say in docker.runtimeUrl where they reach the doors`,
    }
  const runtimeUrl = `http://host.docker.internal:${listen.port}`
  const { host: _h, tls: _t, sshKey: _s, knownHosts: _k, ...others } = document
  const registries = (document.registries ?? []).map((registry) => ({
    ...registry,
    password: resolve(base, registry.password),
  }))
  const log = { ...defaults.log, ...document.log }
  return { ...defaults, runtimeUrl, ...others, log, registries, engine }
}

const defaults = {
  network: 'weir',
  image: 'weir-instance',
  pull: 'never',
  log: { maxSize: '10m', maxFiles: 3 },
  allowInstallScripts: false,
} as const

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.')
}

function engineAddress(document: Document, base: string): EngineAddress | { readonly wrong: string } {
  const { host = 'unix:///var/run/docker.sock' } = document
  if (host.startsWith('unix://')) return { kind: 'socket', path: host.slice('unix://'.length) }
  const [, user, name, digits] =
    /^(?:tcp|ssh):\/\/(?:(\w[\w.-]*)@)?(\w[\w.-]*)(?::(\d{1,5}))?$/.exec(host) ?? []
  if (name === undefined) return { wrong: `docker.host: ${JSON.stringify(host)} names no engine` }
  const port = digits === undefined ? undefined : Number(digits)
  if (host.startsWith('tcp://')) return tlsAddress(document, { host: name, port: port ?? 2376 }, base)
  const target = user === undefined ? name : `${user}@${name}`
  const files = { key: absolute(document.sshKey, base), knownHosts: absolute(document.knownHosts, base) }
  return defined({ kind: 'ssh' as const, target, port, ...files })
}

function tlsAddress(
  { tls }: Document,
  place: { readonly host: string; readonly port: number },
  base: string,
): EngineAddress | { readonly wrong: string } {
  if (tls === undefined)
    return {
      wrong:
        'docker.tls: an engine is reached by tcp with TLS alone, since whoever reaches it owns its machine; name the files ca, cert and key',
    }
  const [ca, cert, key] = [resolve(base, tls.ca), resolve(base, tls.cert), resolve(base, tls.key)]
  return { kind: 'tls', ...place, ca, cert, key }
}

function absolute(path: string | undefined, base: string): string | undefined {
  return path === undefined ? undefined : resolve(base, path)
}
