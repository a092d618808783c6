import { createHash, type Hash } from 'node:crypto'
import type { Knex } from 'knex'
import { canonicalText } from '../model/digest.ts'
import { toNumber, type Row } from './rows.ts'
import { StoreError } from './store.ts'

/** Every table of a store, those before that others refer to, with the columns of its primary key. */
export const storeTables = [
  ['fleet', ['id']],
  ['instances', ['uid']],
  ['journal', ['id']],
  ['reconciliations', ['id']],
  ['statuses', ['kind', 'name']],
  ['audit', ['id']],
  ['identity_records', ['kind', 'id']],
  ['sign_in_failures', ['key']],
  ['instance_flows', ['uid']],
  ['instance_settings', ['uid']],
  ['instance_sessions', ['uid']],
  ['library_entries', ['uid', 'type', 'path']],
  ['credential_keys', ['uid', 'id']],
  ['flows_set_aside', ['id']],
] as const

/** Tables whose ids the database counts up. */
export const countedTables = ['journal', 'reconciliations', 'flows_set_aside'] as const

/** What a table holds: how many rows, and the SHA-256 of all of them in the order of the primary key. */
export interface TableDigest {
  readonly table: string
  readonly rows: number
  readonly sha256: string
}

/** Columns that some engines hand out as text, since their numbers may be larger than those of JavaScript. */
const numbers = new Set(['expires_at', 'consumed_at', 'ends_at'])
/** So many rows are in memory at once: those of editors may be large. */
const pageSize = 50

/** Hands out every row of every table. Returns what was read. */
export async function copyTables(
  from: Knex,
  write: (table: string, rows: readonly Row[]) => Promise<void>,
  signal: AbortSignal,
): Promise<readonly TableDigest[]> {
  const digests: TableDigest[] = []
  for (const [table] of storeTables)
    digests.push(await digestOf(from, table, signal, async (rows) => write(table, rows)))
  return digests
}

/** @throws StoreError naming the row that PostgreSQL does not take. */
export async function insertRows(db: Knex, table: string, rows: readonly Row[]): Promise<void> {
  try {
    await db(table).insert(rows)
  } catch (error) {
    const refused = rows.find((row) => Object.values(row).some((value) => String(value).includes('\0')))
    throw refused === undefined ? error : refusedRow(table, refused)
  }
}

function refusedRow(table: string, row: Row): StoreError {
  const key = storeTables.find(([name]) => name === table)?.[1] ?? []
  const named = key.map((column) => `${column} ${String(row[column])}`).join(', ')
  return new StoreError(
    'move-failed',
    `The fleet was not moved: the row ${named} of the table ${table} holds a NUL character (0x00), which PostgreSQL does not keep.`,
    'Take that character out of the row, and move again. The store that it is in was not changed.',
  )
}

/** What every table holds. */
export async function digestTables(db: Knex, signal: AbortSignal): Promise<readonly TableDigest[]> {
  const digests: TableDigest[] = []
  for (const [table] of storeTables) digests.push(await digestOf(db, table, signal))
  return digests
}

async function digestOf(
  db: Knex,
  table: (typeof storeTables)[number][0],
  signal: AbortSignal,
  each: (rows: readonly Row[]) => Promise<void> = async () => undefined,
): Promise<TableDigest> {
  const hash = createHash('sha256')
  let count = 0
  for await (const page of pagesOf(db, table)) {
    signal.throwIfAborted()
    const rows = page.map(plainRow)
    for (const row of rows) addRow(hash, row)
    await each(rows)
    count += rows.length
  }
  return { table, rows: count, sha256: hash.digest('hex') }
}

/** Each page begins behind the last row of the one before. */
async function* pagesOf(db: Knex, table: (typeof storeTables)[number][0]): AsyncGenerator<readonly Row[]> {
  const key = storeTables.find(([name]) => name === table)?.[1] ?? []
  const marks = key.map(() => '?').join(', ')
  const names = key.map(() => '??').join(', ')
  let last: Row | undefined
  for (;;) {
    const query = db(table)
      .select()
      .orderBy([...key])
      .limit(pageSize)
    if (last !== undefined) {
      const from = last
      query.whereRaw(`(${names}) > (${marks})`, [...key, ...key.map((column) => keyValue(from[column]))])
    }
    const rows: Row[] = await query
    if (rows.length > 0) yield rows
    if (rows.length < pageSize) return
    last = rows.at(-1)
  }
}

function keyValue(value: unknown): string | number {
  return typeof value === 'number' ? value : String(value)
}

function plainRow(row: Row): Row {
  const columns = Object.keys(row).map(
    (name) => [name, numbers.has(name) && row[name] !== null ? toNumber(row, name) : row[name]] as const,
  )
  return Object.fromEntries(columns)
}

function addRow(hash: Hash, row: Row): void {
  hash.update(`${canonicalText(row)}\n`)
}
