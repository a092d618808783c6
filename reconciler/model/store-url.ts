import { defined } from './defined.ts'

/** A PostgreSQL database, and how it is reached. */
export interface PostgresTarget {
  readonly kind: 'postgres'
  readonly host: string
  readonly port: number
  readonly database: string
  readonly user: string
  /** The file that holds the password. Absent: the server asks for none. */
  readonly passwordFile?: string
  /** `verified`: the server proves that it is `host`, to a certificate authority of the file `ca` or of Node.js. */
  readonly tls: 'off' | 'verified'
  readonly ca?: string
  /** How many connections there may be, beside the one that renews the lease. */
  readonly pool: number
  /** Milliseconds that a statement may take. */
  readonly statementTimeout: number
}

/** Where the store is. */
export type StoreTarget = { readonly kind: 'sqlite'; readonly file: string } | PostgresTarget

/** A URL that names no store. The message quotes no part of it that may be a password. */
export class StoreUrlError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'StoreUrlError'
  }
}

const parameters = ['passwordFile', 'sslmode', 'sslrootcert', 'pool', 'statementTimeout'] as const
const loopback = new Set(['localhost', '127.0.0.1', '[::1]'])
const defaults = { port: 5432, pool: 10, statementTimeout: 30 }
const most = { pool: 100, statementTimeout: 3600 }

/**
 * Reads `sqlite:FILE` or `postgres://USER@HOST[:PORT]/DATABASE[?…]`, with the parameters `passwordFile`, `sslmode`
 * (`verify-full` or `disable`), `sslrootcert` (these two as libpq has them:
 * https://www.postgresql.org/docs/current/libpq-connect.html), `pool`, and `statementTimeout` in seconds.
 * @param located makes a path absolute.
 * @throws StoreUrlError
 */
export function parseStoreUrl(text: string, located: (path: string) => string): StoreTarget {
  const [, file] = /^sqlite:(?:\/\/(?=\/))?([^?#]+)$/.exec(text) ?? []
  if (file !== undefined) return { kind: 'sqlite', file: located(file) }
  if (!/^postgres(ql)?:\/\//.test(text))
    throw new StoreUrlError('expected sqlite:FILE or postgres://USER@HOST:PORT/DATABASE')
  if (!URL.canParse(text)) throw new StoreUrlError('this is no URL')
  return postgresTarget(new URL(text), located)
}

/** What a store is called in messages: nothing in it is secret. */
export function describeTarget(target: StoreTarget): string {
  if (target.kind === 'sqlite') return target.file
  const { user, host, port, database } = target
  return `postgres://${encodeURIComponent(user)}@${host}:${port}/${encodeURIComponent(database)}`
}

function postgresTarget(url: URL, located: (path: string) => string): PostgresTarget {
  if (url.password !== '')
    throw new StoreUrlError(
      'a password must not stand in it: put it into a file that only the reconciler may read, and name that as ?passwordFile=FILE',
    )
  const unknown = [...url.searchParams.keys()].find((name) => !parameters.some((one) => one === name))
  if (unknown !== undefined)
    throw new StoreUrlError(`the parameter ${unknown} is not one of ${parameters.join(', ')}`)
  const [user, database] = [decodeURIComponent(url.username), decodeURIComponent(url.pathname.slice(1))]
  if (user === '' || url.hostname === '' || database === '' || database.includes('/'))
    throw new StoreUrlError('it needs a user, a host and a database, as in postgres://weir@127.0.0.1/weir')
  const path = (name: string): string | undefined => {
    const value = url.searchParams.get(name)
    return value === null || value === '' ? undefined : located(value)
  }
  return defined({
    kind: 'postgres' as const,
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? defaults.port : Number(url.port),
    database,
    user,
    passwordFile: path('passwordFile'),
    tls: tlsOf(url),
    ca: path('sslrootcert'),
    pool: numberOf(url, 'pool'),
    statementTimeout: numberOf(url, 'statementTimeout') * 1000,
  })
}

/** Verified, unless it is turned off or the way does not leave this machine. Encrypted to whomever is no choice. */
function tlsOf(url: URL): PostgresTarget['tls'] {
  const mode = url.searchParams.get('sslmode')
  const ca = url.searchParams.get('sslrootcert')
  if (mode === null) return ca === null && loopback.has(url.hostname) ? 'off' : 'verified'
  if (mode === 'disable' && ca !== null)
    throw new StoreUrlError('sslmode=disable and sslrootcert contradict each other')
  if (mode === 'disable') return 'off'
  if (mode === 'verify-full') return 'verified'
  throw new StoreUrlError(
    'sslmode is verify-full (the default; sslrootcert names the file of its certificate authority) or disable: anything else would talk to a server that has not proven who it is',
  )
}

function numberOf(url: URL, name: 'pool' | 'statementTimeout'): number {
  const text = url.searchParams.get(name)
  const value = text === null ? defaults[name] : Number(text)
  if (Number.isInteger(value) && value >= 1 && value <= most[name]) return value
  throw new StoreUrlError(`${name} is a whole number from 1 to ${most[name]}`)
}
