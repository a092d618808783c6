import { rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Knex } from 'knex'
import { createKnexStore, fleetId } from './knex-store.ts'
import { migrate, schemaAge } from './migrations/migrations.ts'
import { createPrivate, sizeOf, syncFolder } from './private-file.ts'
import { memoryDatabase, pragma, sqliteDatabase } from './sqlite-database.ts'
import { corrupt, explainSqlite } from './sqlite-errors.ts'
import { lockStore } from './sqlite-lock.ts'
import { StoreError, type Store } from './store.ts'

export interface SqliteStoreOptions {
  readonly file: string
  readonly clock: { now(): Date }
  /** Makes the fleet's id, once. */
  readonly newId: () => string
  /** For dry runs: no lock is taken, nothing is written, and an absent file stays absent. */
  readonly readOnly?: boolean
}

/** `PRAGMA application_id`: "WEIR" in ASCII. Tells a store from any other SQLite database. */
const applicationId = 0x57_45_49_52

/**
 * Opens the store in an SQLite file; a writer makes it where there is none.
 *
 * A store opened read-only shows what the file holds; without a file it is empty and its `fleet` is `''`. While no
 * writer is at work it reads the file as immutable, so that SQLite leaves nothing beside it.
 * @throws StoreError when the file is damaged, newer, in use or out of reach. It is never replaced.
 */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<Store> {
  try {
    return await (options.readOnly ? openForReading(options.file) : openForWriting(options))
  } catch (error) {
    throw unreachable(options.file, explainSqlite(options.file, error))
  }
}

async function openForReading(file: string): Promise<Store> {
  if (!(await storeExists(file))) {
    const db = memoryDatabase()
    await migrate(db)
    return createStore(file, db, '', [])
  }
  // A write-ahead log beside the file: a writer is at work, or was killed, and the log holds its last transactions.
  const log = await sizeOf(`${file}-wal`)
  const db = sqliteDatabase(file, log === undefined ? 'read-immutable' : 'read')
  try {
    const { pending } = await check(file, db)
    if (pending.length > 0) throw older(file)
    return createStore(file, db, await fleetId(db, missingFleet(file)), [])
  } catch (error) {
    await db.destroy()
    throw error
  }
}

async function openForWriting({ file, clock, newId }: SqliteStoreOptions): Promise<Store> {
  const held: AsyncDisposable[] = [await lockStore(file, clock.now())]
  try {
    if (!(await storeExists(file))) await make(file, newId)
    const db = sqliteDatabase(file, 'write')
    held.unshift({ [Symbol.asyncDispose]: async () => db.destroy() })
    await check(file, db)
    await migrate(db)
    return createStore(file, db, await fleetId(db, missingFleet(file)), held.slice(1))
  } catch (error) {
    for (const one of held) await one[Symbol.asyncDispose]()
    throw error
  }
}

/** An empty file, or the log of a file that is gone, is what is left of a store: not a place for a new one. */
async function storeExists(file: string): Promise<boolean> {
  const size = await sizeOf(file)
  if (size === 0) throw corrupt(file, 'the file is empty')
  if (size === undefined && (await sizeOf(`${file}-wal`)))
    throw corrupt(file, 'the file is gone, but its write-ahead log is there')
  return size !== undefined
}

/** Builds the new store under another name first: under its own it exists only whole. */
async function make(file: string, newId: () => string): Promise<void> {
  const draft = `${file}.new`
  for (const suffix of ['', '-wal', '-shm', '-journal']) await rm(`${draft}${suffix}`, { force: true })
  await createPrivate(draft)
  const db = sqliteDatabase(draft, 'write')
  try {
    await db.raw(`PRAGMA application_id = ${applicationId}`)
    await db.raw('PRAGMA journal_mode = WAL')
    await migrate(db)
    await fleetId(db, newId)
  } finally {
    await db.destroy()
  }
  await rename(draft, file)
  await syncFolder(dirname(file))
}

/** @throws StoreError when the file is damaged, no store of ours, or newer than this program. */
async function check(file: string, db: Knex): Promise<{ readonly pending: readonly string[] }> {
  if ((await pragma(db, 'application_id')) !== applicationId) throw corrupt(file, 'it is not a store of Weir')
  const found = await pragma(db, 'quick_check')
  if (found !== 'ok') throw corrupt(file, String(found).replaceAll(/\s+/g, ' '))
  const age = await schemaAge(db)
  if (age.unknown.length === 0) return age
  throw new StoreError(
    'store-newer',
    `The store ${file} was written by a newer version (it has ${age.unknown.join(', ')}).`,
    'Run that version or a newer one, or restore a backup from before the upgrade.',
  )
}

function createStore(file: string, db: Knex, fleet: string, held: readonly AsyncDisposable[]): Store {
  return createKnexStore({
    db,
    fleet,
    // Whoever holds the lock of the store is the only one to write it.
    soleWriter: held.length > 0,
    explain: (error) => explainSqlite(file, error),
    close: async () => {
      await db.destroy()
      for (const one of held) await one[Symbol.asyncDispose]()
    },
  })
}

function missingFleet(file: string): () => string {
  return () => {
    throw corrupt(file, 'it holds no fleet')
  }
}

function older(file: string): StoreError {
  return new StoreError(
    'store-unreachable',
    `The store ${file} was written by an older version, and a dry run does not change it.`,
    'Start the reconciler of this version once; it brings the store up to date.',
  )
}

/** Errors of the file system: no folder, no right, no space. */
function unreachable(file: string, error: unknown): unknown {
  if (error instanceof StoreError || !(error instanceof Error) || !('syscall' in error)) return error
  return new StoreError(
    'store-unreachable',
    `The store ${file} cannot be used: ${error.message}.`,
    'Check that the folder exists, belongs to this user, and has space left.',
    { cause: error },
  )
}
