import { pathToFileURL } from 'node:url'
import knexPackage, { type Knex } from 'knex'

/** How a file is opened. `immutable`: no writer is at work, so nothing beside the file is read or made. */
export type SqliteMode = 'create' | 'write' | 'read' | 'read-immutable'

const queries = {
  create: 'mode=rwc',
  write: 'mode=rw',
  read: 'mode=ro',
  'read-immutable': 'mode=ro&immutable=1',
}

/** Milliseconds to wait for a reader that is in the way of a checkpoint. */
const busyTimeout = 5000

/** A connection to a file. Nothing is read or written before the first query. */
export function sqliteDatabase(file: string, mode: SqliteMode): Knex {
  return connect(`${pathToFileURL(file).href}?${queries[mode]}`)
}

/** A database that lives as long as the connection. */
export function memoryDatabase(): Knex {
  return connect(':memory:')
}

function connect(filename: string): Knex {
  return knexPackage.knex({
    client: 'sqlite3',
    connection: { filename, flags: ['OPEN_URI'] },
    useNullAsDefault: true,
    // What a statement was to write may be secret, and errors are logged.
    compileSqlOnError: false,
    // Every error reaches the caller, who says it better.
    log: { error: silence, warn: silence, deprecate: silence, debug: silence },
    // One connection: the transactions of this process stand in line, and a database in memory is one database.
    pool: { min: 1, max: 1, afterCreate: prepare },
  })
}

const silence = (): void => undefined

interface Connection {
  exec(sql: string, done: (error: Error | null) => void): void
}

/**
 * synchronous = FULL: what the journal says has begun must be on the disk before it begins, after a power cut too. A
 * handful of small transactions per changed instance can afford it.
 */
function prepare(connection: Connection, done: (error: Error | null, connection: Connection) => void): void {
  const pragmas = `PRAGMA busy_timeout = ${busyTimeout}; PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL;`
  connection.exec(pragmas, (error) => done(error, connection))
}

/** The single value that a PRAGMA answers with. */
export async function pragma(db: Knex, name: string): Promise<unknown> {
  const rows: readonly { readonly [column: string]: unknown }[] = await db.raw(`PRAGMA ${name}`)
  return rows[0] && Object.values(rows[0])[0]
}
