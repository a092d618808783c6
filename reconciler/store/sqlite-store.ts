import { rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Knex } from 'knex'
import { createKnexStore, fleetId } from './knex-store.ts'
import { migrate, schemaAge } from './migrations/migrations.ts'
import {
  notEmpty,
  refuseMoved,
  unknownStore,
  type Filling,
  type MoveSource,
  type MoveTarget,
} from './move.ts'
import { createPrivate, sizeOf, syncFolder } from './private-file.ts'
import { memoryDatabase, pragma, sqliteDatabase } from './sqlite-database.ts'
import { corrupt, explainSqlite } from './sqlite-errors.ts'
import { lockStore } from './sqlite-lock.ts'
import { newerStore, olderStore, StoreError, type Store } from './store.ts'

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
  const { file, readOnly } = options
  return explaining(file, async () => (readOnly === true ? openForReading(file) : openForWriting(options)))
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
    if (pending.length > 0) throw olderStore(file, 'a dry run')
    return createStore(file, db, await fleetId(db, missingFleet(file)), [])
  } catch (error) {
    await db.destroy()
    throw error
  }
}

async function openForWriting({ file, clock, newId }: SqliteStoreOptions): Promise<Store> {
  const held: AsyncDisposable[] = [await lockStore(file, clock.now())]
  try {
    if (!(await storeExists(file))) await make(file, async (db) => void (await fleetId(db, newId)))
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

/** Builds a store under another name first: under its own it exists only whole. */
async function make(file: string, fill: (db: Knex) => Promise<void>): Promise<void> {
  const draft = `${file}.new`
  await removeDraft(draft)
  await createPrivate(draft)
  const db = sqliteDatabase(draft, 'write')
  try {
    await db.raw(`PRAGMA application_id = ${applicationId}`)
    await db.raw('PRAGMA journal_mode = WAL')
    await migrate(db)
    await fill(db)
  } finally {
    await db.destroy()
  }
  await rename(draft, file)
  await syncFolder(dirname(file))
}

async function removeDraft(draft: string): Promise<void> {
  for (const suffix of ['', '-wal', '-shm', '-journal']) await rm(`${draft}${suffix}`, { force: true })
}

/** A store whose fleet is to be moved elsewhere. */
export async function openSqliteSource(file: string, now: Date, movingTo: string): Promise<MoveSource> {
  return explaining(file, async () => {
    await using stack = new AsyncDisposableStack()
    if (!(await storeExists(file))) throw unknownStore(file)
    stack.use(await lockStore(file, now))
    const db = stack.adopt(sqliteDatabase(file, 'write'), async (one) => one.destroy())
    if ((await check(file, db, movingTo)).pending.length > 0) throw olderStore(file, 'a move')
    const held = stack.move()
    return {
      take: async (work) =>
        explaining(file, async () =>
          db.transaction(async (trx) => work({ db: trx, counters: async () => countersOf(trx) })),
        ),
      [Symbol.asyncDispose]: async () => held.disposeAsync(),
    }
  })
}

async function countersOf(db: Knex): Promise<ReadonlyMap<string, number>> {
  const rows: readonly { readonly name: unknown; readonly seq: unknown }[] = await db(
    'sqlite_sequence',
  ).select('name', 'seq')
  return new Map(rows.map(({ name, seq }) => [String(name), Number(seq)]))
}

/** A file for a fleet that comes from elsewhere. It exists whole or not at all, and one that is there is not changed. */
export async function openSqliteTarget(file: string, now: Date): Promise<MoveTarget> {
  return explaining(file, async () => {
    await using stack = new AsyncDisposableStack()
    stack.use(await lockStore(file, now))
    const existing = (await storeExists(file))
      ? stack.adopt(sqliteDatabase(file, 'read'), async (db) => db.destroy())
      : undefined
    if (existing !== undefined && (await check(file, existing)).pending.length > 0) throw notEmpty(file)
    const held = stack.move()
    const told = async <T>(work: () => Promise<T>): Promise<T> => explaining(file, work)
    const filling = (db: Knex, empty: boolean): Filling => ({
      db,
      empty,
      told,
      setCounter: async (table, last) => {
        await db('sqlite_sequence').where({ name: table }).delete()
        await db('sqlite_sequence').insert({ name: table, seq: last })
      },
    })
    return {
      fill: async (work) =>
        told(async () => {
          if (existing !== undefined) return work(filling(existing, false))
          return make(file, async (db) => work(filling(db, true))).finally(async () =>
            removeDraft(`${file}.new`),
          )
        }),
      [Symbol.asyncDispose]: async () => held.disposeAsync(),
    }
  })
}

async function explaining<T>(file: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw unreachable(file, explainSqlite(file, error))
  }
}

/** @throws StoreError when the file is damaged, no store of ours, or newer than this program. */
async function check(
  file: string,
  db: Knex,
  movingTo?: string,
): Promise<{ readonly pending: readonly string[] }> {
  if ((await pragma(db, 'application_id')) !== applicationId) throw corrupt(file, 'it is not a store of Weir')
  const found = await pragma(db, 'quick_check')
  if (found !== 'ok') throw corrupt(file, String(found).replaceAll(/\s+/g, ' '))
  await refuseMoved(file, db, movingTo)
  const age = await schemaAge(db)
  if (age.unknown.length === 0) return age
  throw newerStore(file, age.unknown)
}

function createStore(file: string, db: Knex, fleet: string, held: readonly AsyncDisposable[]): Store {
  return createKnexStore({
    db,
    fleet,
    // Its one connection gives them turns.
    inTurn: async (work) => db.transaction(work),
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
