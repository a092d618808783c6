import { DatabaseError } from 'pg'
import { describeTarget, type PostgresTarget } from '../model/store-url.ts'
import { RowError } from './rows.ts'
import { StoreError } from './store.ts'

/**
 * What an error of PostgreSQL, of its driver or of the network means for the store. Of the server's words only the code and
 * the message are passed on: its details quote rows.
 */
export function explainPostgres(target: PostgresTarget, error: unknown): unknown {
  if (error instanceof StoreError) return error
  const store = describeTarget(target)
  if (error instanceof RowError) return corrupt(store, error.message, error)
  if (!(error instanceof Error)) return error
  const code = codeOf(error)
  if (code?.startsWith('XX') === true) return corrupt(store, `${code}: ${plain(error)}`)
  if (!(error instanceof DatabaseError) && !isOutage(error, code)) return error
  const why = code === undefined ? plain(error) : `${plain(error)} (${code})`
  return unreachable(store, why, remedyFor(code ?? plain(error)))
}

export function corrupt(store: string, why: string, cause?: unknown): StoreError {
  return new StoreError(
    'store-corrupt',
    `The store ${store} is damaged (${why}). Nothing was changed.`,
    'Restore the database from a backup. Nothing runs differently until then: no instance is changed or removed.',
    { cause },
  )
}

export function unreachable(store: string, why: string, remedy: string): StoreError {
  return new StoreError('store-unreachable', `The store ${store} cannot be used: ${why}.`, remedy)
}

function codeOf(error: Error): string | undefined {
  return 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

/** Without the statement that the query builder puts before it. An error of several attempts has no message of its own. */
function plain(error: Error): string {
  const first: unknown = error instanceof AggregateError && error.message === '' ? error.errors[0] : error
  const message = first instanceof Error ? first.message : String(first)
  return message.split(' - ').at(-1)?.replace(/\.$/, '') ?? message
}

/** Of the network, of TLS, of a file that is to be read, of the pool (`aborted`: it was closed), or of a connection that ended. */
function isOutage(error: Error, code: string | undefined): boolean {
  // a mistake of this program, or of whoever called, is told as it is
  if (!['Error', 'AggregateError', 'TimeoutError', 'KnexTimeoutError'].includes(error.name)) return false
  return (
    code !== undefined ||
    /connection|timeout|timed out|SSL|did not answer|password|SASL|SCRAM|host|^aborted$/i.test(
      error.message,
    ) ||
    error.name === 'KnexTimeoutError'
  )
}

/** By SQLSTATE (https://www.postgresql.org/docs/current/errcodes-appendix.html), by the code of Node.js, or by the driver's words. */
const remedies: readonly (readonly [code: RegExp, remedy: string])[] = [
  [
    /password must be|no password/i,
    'Name the file that holds the password with ?passwordFile=, and see that it is not empty.',
  ],
  [
    /does not support SSL/,
    'Turn TLS on at the server (ssl = on), or name sslmode=disable where nobody can listen.',
  ],
  [
    /^55000$/,
    'Let the database take connections (ALTER DATABASE … ALLOW_CONNECTIONS true), or name another one.',
  ],
  [
    /^42(703|P01)$/,
    'Its tables are not as Weir made them: put back what was changed, or restore the database from a backup.',
  ],
  [/^28/, 'Check the user, the file of the password, and pg_hba.conf of the server.'],
  [/^3D000$/, 'Create the database, owned by this user, with the encoding UTF8.'],
  [/^42501$/, 'Let this user own the database.'],
  [
    /^25006$/,
    'Name the primary server, since a standby cannot be written, or turn default_transaction_read_only off for this database and user.',
  ],
  [/^53100$/, 'Free some space on the server; what was saved before is intact.'],
  [/^53300$/, 'Let the server take more connections, or ask for fewer with ?pool=.'],
  [/^57014$/, 'Find out what the server is busy with, or allow more with ?statementTimeout=.'],
  [/^(ENOENT|EACCES|EISDIR)$/, 'Check that the files of password and certificate can be read.'],
  [
    /CERT|SELF_SIGNED|ISSUER|TLS|SSL/,
    'Name the certificate authority of the server with ?sslrootcert=FILE, and the host that its certificate is for.',
  ],
]

/** `told`: its code, or its words where it has none. */
function remedyFor(told: string): string {
  const known = remedies.find(([pattern]) => pattern.test(told))?.[1]
  return known ?? 'Check that the server runs and can be reached from here.'
}
