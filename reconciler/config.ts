import { readFile, realpath } from 'node:fs/promises'
import { isIP } from 'node:net'
import { basename, dirname, join, resolve } from 'node:path'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { validate as validateSchedule } from 'node-cron'
import { LineCounter, parseDocument } from 'yaml'
import schema from '../schemas/configuration.schema.json' with { type: 'json' }
import { explainError } from './desired/explain-error.ts'
import type { Configuration as ConfigurationDocument } from './model/generated/configuration.ts'
import { defined } from './model/defined.ts'
import { parseDuration } from './model/quantity.ts'
import { parseStoreUrl, StoreUrlError, type StoreTarget } from './model/store-url.ts'
import { reachableUrl } from './model/reachable.ts'
import type { DriverName } from './model/resource.ts'
import type { Routing } from './model/seat.ts'
import { dockerConfig, type DockerConfig } from './docker-config.ts'

type Scheme = 'https' | 'ssh' | 'http' | 'file' | 'git'

/** What the reconciler is told, complete and checked. Every path is absolute. */
export interface Config {
  readonly source: {
    readonly url: string
    readonly branch?: string
    readonly path?: string
    /** Milliseconds. */
    readonly interval: number
    readonly allow: readonly Scheme[]
    readonly credentials?: string
    readonly sshKey?: string
    readonly knownHosts?: string
  }
  readonly data: string
  /** The file of the master key, where it is not in the data folder. */
  readonly key?: string
  readonly store: StoreTarget
  readonly listen: { readonly host: string; readonly port: number }
  readonly trustProxy: readonly string[]
  readonly identity: {
    /** What browsers know the identity door by, without a slash at its end. */
    readonly issuer: string
    readonly sessionHours: number
    readonly upstream?: {
      readonly issuer: string
      readonly clientId: string
      /** The file that holds it. */
      readonly clientSecret: string
      readonly displayName: string
    }
  }
  readonly routing: Routing
  readonly driver: DriverName
  readonly schedule: string
  readonly concurrency: number
  readonly secrets?: string
  /** From 0 to 1. */
  readonly maxDeletions: number
  readonly localfs: {
    readonly host: string
    readonly firstPort: number
    readonly allowInstallScripts: boolean
    /** Absent: the address that the doors listen on. */
    readonly runtimeUrl?: string
  }
  /** Absent: there is no docker driver. */
  readonly docker?: DockerConfig
  readonly logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error'
}

/** What the command line says; it wins over the file. */
export interface Flags {
  readonly config?: string
  readonly source?: string
  readonly path?: string
  readonly branch?: string
  readonly data?: string
  readonly listen?: string
}

/** A mistake in the configuration, with every place at once. */
export class ConfigError extends Error {
  constructor(messages: readonly string[]) {
    super(messages.join('\n'))
    this.name = 'ConfigError'
  }
}

/**
 * Reads the configuration file, if one is named, and puts the command line over it.
 * @throws ConfigError naming file, field, cause and remedy.
 */
export async function loadConfig(flags: Flags, workingDirectory: string): Promise<Config> {
  const file = flags.config === undefined ? undefined : resolve(workingDirectory, flags.config)
  const document = file === undefined ? {} : await readDocument(file)
  const base = file === undefined ? workingDirectory : dirname(file)
  const listen = parseListen(flags.listen ?? document.listen ?? '127.0.0.1:3000')
  const data = await realPath(dataOf(document, flags, { base, workingDirectory }))
  return deepFrozen({
    source: sourceOf(document, flags, { base, workingDirectory }),
    data,
    store: storeOf(document, data, base),
    listen,
    trustProxy: proxiesOf(document),
    identity: identityOf(document, listen, base),
    ...behaviourOf(document),
    ...dockerOf(document, file, { listen, base }),
    ...(document.key === undefined ? {} : { key: resolve(base, document.key) }),
    ...(document.secrets === undefined ? {} : { secrets: resolve(base, document.secrets) }),
  })
}

function deepFrozen<T extends object>(value: T): T {
  for (const part of Object.values(value)) if (typeof part === 'object' && part !== null) deepFrozen(part)
  return Object.freeze(value)
}

function behaviourOf(
  document: ConfigurationDocument,
): Omit<
  Config,
  'source' | 'data' | 'key' | 'store' | 'listen' | 'secrets' | 'trustProxy' | 'identity' | 'docker'
> {
  const { driver = 'localfs', schedule = '*/5 * * * *', concurrency = 4, localfs, log, policy } = document
  return {
    routing: { scheme: 'https', ...document.routing },
    driver,
    schedule,
    concurrency,
    maxDeletions: Number.parseInt(policy?.maxDeletions ?? '25%', 10) / 100,
    localfs: { host: '127.0.0.1', firstPort: 12_080, allowInstallScripts: false, ...localfs },
    logLevel: log?.level ?? 'info',
  }
}

/** @throws ConfigError */
function dockerOf(
  { driver, docker }: ConfigurationDocument,
  file: string | undefined,
  surroundings: Parameters<typeof dockerConfig>[1],
): Pick<Config, 'docker'> {
  if (docker === undefined && driver !== 'docker') return {}
  const config = dockerConfig(docker ?? {}, surroundings)
  if ('wrong' in config) throw new ConfigError([`${file ?? 'docker'}: ${config.wrong}`])
  return { docker: config }
}

/** What relative paths of the file, and of the command line, are relative to. */
interface Places {
  readonly base: string
  readonly workingDirectory: string
}

function sourceOf(
  { source }: ConfigurationDocument,
  flags: Flags,
  { base, workingDirectory }: Places,
): Config['source'] {
  const own = source ?? { url: '.' }
  const url = flags.source === undefined ? located(own.url, base) : located(flags.source, workingDirectory)
  return defined({
    url,
    branch: flags.branch ?? own.branch,
    path: flags.path ?? own.path,
    interval: parseDuration(own.interval ?? '30s'),
    allow: own.allow ?? ['https', 'ssh'],
    credentials: absolute(own.credentials, base),
    sshKey: absolute(own.sshKey, base),
    knownHosts: absolute(own.knownHosts, base),
  })
}

function identityOf(
  { identity = {} }: ConfigurationDocument,
  { host, port }: Config['listen'],
  base: string,
): Config['identity'] {
  const { issuer, sessionHours = 12, upstream } = identity
  for (const [field, url] of Object.entries({ issuer, 'upstream.issuer': upstream?.issuer }))
    if (url !== undefined && !URL.canParse(url))
      throw new ConfigError([`identity.${field}: ${JSON.stringify(url)} is no URL`])
  return defined({
    issuer: issuer ?? `${reachableUrl(host, port)}/identity`,
    sessionHours,
    upstream: upstream && {
      issuer: upstream.issuer,
      clientId: upstream.clientId,
      clientSecret: resolve(base, upstream.clientSecret),
      displayName: upstream.displayName ?? new URL(upstream.issuer).hostname,
    },
  })
}

/** @throws ConfigError where one is neither an address nor a network. */
function proxiesOf({ trustProxy = [] }: ConfigurationDocument): readonly string[] {
  const wrong = trustProxy.filter((proxy) => {
    const [address = '', bits] = proxy.split('/')
    const family = isIP(address)
    return family === 0 || (bits !== undefined && Number(bits) > (family === 4 ? 32 : 128))
  })
  if (wrong.length === 0) return trustProxy
  throw new ConfigError(
    wrong.map((proxy) => `trustProxy: ${JSON.stringify(proxy)} is no address or network, such as 10.0.0.0/8`),
  )
}

function dataOf({ data }: ConfigurationDocument, flags: Flags, places: Places): string {
  if (flags.data !== undefined) return resolve(places.workingDirectory, flags.data)
  return resolve(places.base, data ?? 'var')
}

/** @throws ConfigError where the URL names no store. It may hold a password, and is not quoted. */
function storeOf({ store }: ConfigurationDocument, data: string, base: string): StoreTarget {
  if (store === undefined) return { kind: 'sqlite', file: join(data, 'weir.db') }
  try {
    return parseStoreUrl(store, (path) => resolve(base, path))
  } catch (error) {
    throw error instanceof StoreUrlError ? new ConfigError([`store: ${error.message}`]) : error
  }
}

/** Without symbolic links, as far as it exists: processes are recognised by the path they were started with. */
async function realPath(path: string): Promise<string> {
  try {
    return await realpath(path)
  } catch {
    const parent = dirname(path)
    return parent === path ? path : join(await realPath(parent), basename(path))
  }
}

function absolute(path: string | undefined, base: string): string | undefined {
  return path === undefined ? undefined : resolve(base, path)
}

/** A path becomes absolute; a URL, an scp-like address and whatever else stays, for the source to judge. */
function located(url: string, base: string): string {
  const isPath = /^[./]/.test(url) || (!url.includes(':') && !url.startsWith('-'))
  return isPath ? resolve(base, url) : url
}

function parseListen(text: string): Config['listen'] {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^\s[\]:]+)):(\d{1,5})$/.exec(text)
  const [host, port] = [match?.[1] ?? match?.[2], Number(match?.[3])]
  if (host === undefined || !(port <= 65_535))
    throw new ConfigError([`listen: ${JSON.stringify(text)} is not HOST:PORT, such as 127.0.0.1:3000`])
  return { host, port }
}

async function readDocument(file: string): Promise<ConfigurationDocument> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new ConfigError([
      `${file}: cannot be read: ${error instanceof Error ? error.message : String(error)}`,
    ])
  })
  const value = parseYaml(text, file)
  const ajv = new Ajv2020({ allErrors: true, verbose: true, allowUnionTypes: true })
  const check = ajv.compile<ConfigurationDocument>(schema)
  if (check(value)) return withSchedule(value, file)
  throw new ConfigError(
    (check.errors ?? []).map((error) => {
      const { message, remedy } = explainError(error)
      return `${file}: ${message}${remedy === undefined ? '' : ` (${remedy})`}`
    }),
  )
}

function parseYaml(text: string, file: string): unknown {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  if (document.errors.length > 0)
    throw new ConfigError(
      document.errors.map(({ message, pos }) => {
        const { line, col } = lines.linePos(pos[0])
        return `${file}:${line}:${col}: ${message}`
      }),
    )
  try {
    const value: unknown = document.toJS()
    return value ?? {}
  } catch (error) {
    throw new ConfigError([`${file}: ${error instanceof Error ? error.message : String(error)}`])
  }
}

/** What a JSON Schema cannot say. */
function withSchedule(document: ConfigurationDocument, file: string): ConfigurationDocument {
  const { schedule } = document
  if (schedule === undefined || validateSchedule(schedule)) return document
  throw new ConfigError([
    `${file}: schedule is ${JSON.stringify(schedule)}, expected a cron expression of five or six fields, such as */5 * * * *`,
  ])
}
