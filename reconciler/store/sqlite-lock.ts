import { hostname } from 'node:os'
import type { Knex } from 'knex'
import { createPrivate } from './private-file.ts'
import { sqliteDatabase } from './sqlite-database.ts'
import { sqliteCode } from './sqlite-errors.ts'
import { StoreError } from './store.ts'

/**
 * Makes this process the one writer of the store in `file`, until disposed or dead.
 *
 * The lock is a transaction that stays open on a database of its own beside the store: the operating system drops it
 * with the process, however that ends, so there is no pid to go stale. A row in it tells others who holds it: a
 * transaction that has only begun to write does not keep readers away.
 * @throws StoreError `store-locked`
 */
export async function lockStore(file: string, now: Date): Promise<AsyncDisposable> {
  const lockFile = `${file}.lock`
  await createPrivate(lockFile)
  const db = sqliteDatabase(lockFile, 'write')
  try {
    await hold(db, now)
  } catch (error) {
    const holder = await describeHolder(db)
    await db.destroy()
    throw refusal({ file, lockFile, holder, error })
  }
  return {
    [Symbol.asyncDispose]: async () => {
      await db.destroy()
    },
  }
}

async function hold(db: Knex, now: Date): Promise<void> {
  await db.raw('PRAGMA busy_timeout = 200')
  await db.raw('BEGIN IMMEDIATE')
  await db.raw('CREATE TABLE IF NOT EXISTS holder (pid INTEGER, host TEXT, since TEXT)')
  await db.raw('DELETE FROM holder')
  await db.raw('INSERT INTO holder VALUES (?, ?, ?)', [process.pid, hostname(), now.toISOString()])
  await db.raw('COMMIT')
  await db.raw('BEGIN IMMEDIATE')
}

async function describeHolder(db: Knex): Promise<string> {
  try {
    const rows: readonly { readonly [column: string]: unknown }[] = await db('holder').limit(1)
    const [row] = rows
    if (row) return `process ${String(row['pid'])} on ${String(row['host'])}, since ${String(row['since'])}`
  } catch {
    // The holder is just writing who it is.
  }
  return 'another process'
}

function refusal(refused: {
  readonly file: string
  readonly lockFile: string
  readonly holder: string
  readonly error: unknown
}): unknown {
  const { file, lockFile, holder, error } = refused
  const code = sqliteCode(error)
  if (code === 'SQLITE_BUSY')
    return new StoreError(
      'store-locked',
      `The store ${file} is in use by ${holder}.`,
      'Stop that reconciler first, or use another data folder. A dry run needs no lock.',
      { cause: error },
    )
  // Replacing a damaged one here could let two writers in, each with a lock on a file of its own.
  if (code === 'SQLITE_NOTADB' || code === 'SQLITE_CORRUPT')
    return new StoreError(
      'store-unreachable',
      `The lock file ${lockFile} is damaged.`,
      'Make sure that no reconciler uses this store, then remove the lock file: it holds nothing else.',
      { cause: error },
    )
  return error
}
