import type { Knex } from 'knex'
import { describeTarget, type PostgresTarget } from '../model/store-url.ts'
import { createKnexStore, fleetId } from './knex-store.ts'
import { migrate, schemaAge } from './migrations/migrations.ts'
import { notEmpty, refuseMoved, unknownStore, type MoveSource, type MoveTarget } from './move.ts'
import { countersOf, likeSqlite, postgresDatabase, postgresTables, setCounter } from './postgres-database.ts'
import { corrupt, explainPostgres, unreachable } from './postgres-errors.ts'
import { lockPostgres, type LockDeps, type PostgresLock } from './postgres-lock.ts'
import { holderTable } from './postgres-session.ts'
import { memoryDatabase } from './sqlite-database.ts'
import { newerStore, olderStore, type Store } from './store.ts'

export interface PostgresStoreOptions extends LockDeps {
  readonly target: PostgresTarget
  /** Makes the fleet's id, once. */
  readonly newId: () => string
  /** For dry runs: no lock is taken, nothing is written, and an empty database stays empty. */
  readonly readOnly?: boolean
}

/**
 * Opens the store in a PostgreSQL database; a writer makes its tables where there are none.
 *
 * A store opened read-only shows what the database holds; of an empty one its `fleet` is `''`.
 * @throws StoreError when the database is damaged, newer, in use, out of reach, or somebody else's.
 */
export async function openPostgresStore(options: PostgresStoreOptions): Promise<Store> {
  return explaining(options.target, async () =>
    options.readOnly === true ? openForReading(options) : openForWriting(options),
  )
}

async function explaining<T>(target: PostgresTarget, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw explainPostgres(target, error)
  }
}

async function openForReading({ target }: PostgresStoreOptions): Promise<Store> {
  await using stack = new AsyncDisposableStack()
  const db = stack.adopt(await postgresDatabase(target, 'READ ONLY'), async (pool) => pool.destroy())
  const store = describeTarget(target)
  const found = await inspect(store, db)
  if (found === 'empty') {
    const nothing = memoryDatabase()
    await migrate(nothing)
    return createStore(target, nothing, { fleet: '', close: async () => nothing.destroy() })
  }
  if (found.pending.length > 0) throw olderStore(store)
  const fleet = await fleetId(db, missingFleet(store))
  const held = stack.move()
  return createStore(target, db, { fleet, close: async () => held.disposeAsync() })
}

async function openForWriting({ target, ...deps }: PostgresStoreOptions): Promise<Store> {
  await using stack = new AsyncDisposableStack()
  const store = describeTarget(target)
  const { lock, db, found } = await openLocked(stack, target, deps)
  await lock.enter(db)
  const fleet = await db.transaction(async (trx) => {
    await migrate(trx)
    await likeSqlite(trx)
    return fleetId(trx, found === 'empty' ? deps.newId : missingFleet(store))
  })
  const held = stack.move()
  return createStore(target, db, { fleet, lock, close: async () => held.disposeAsync() })
}

/** A store whose fleet is to be moved elsewhere. */
export async function openPostgresSource(target: PostgresTarget, deps: LockDeps): Promise<MoveSource> {
  return explaining(target, async () => {
    await using stack = new AsyncDisposableStack()
    const { db, found, lock } = await openLocked(stack, target, deps)
    const store = describeTarget(target)
    if (found === 'empty') throw unknownStore(store)
    if (found.pending.length > 0) throw olderStore(store)
    await lock.enter(db)
    const held = stack.move()
    return {
      db,
      counters: async () => countersOf(db),
      [Symbol.asyncDispose]: async () => held.disposeAsync(),
    }
  })
}

/** An empty database, for a fleet that comes from elsewhere: it is filled in one transaction. */
export async function openPostgresTarget(target: PostgresTarget, deps: LockDeps): Promise<MoveTarget> {
  return explaining(target, async () => {
    await using stack = new AsyncDisposableStack()
    const { db, found, lock } = await openLocked(stack, target, deps)
    if (found !== 'empty') throw notEmpty(describeTarget(target))
    await lock.enter(db)
    const held = stack.move()
    return {
      fill: async (work) =>
        explaining(target, async () =>
          db.transaction(async (trx) => {
            await lock.turn(trx)
            await migrate(trx)
            await likeSqlite(trx)
            await work(trx, async (table, last) => setCounter(trx, table, last))
          }),
        ),
      [Symbol.asyncDispose]: async () => held.disposeAsync(),
    }
  })
}

async function openLocked(stack: AsyncDisposableStack, target: PostgresTarget, deps: LockDeps) {
  const lock = stack.use(await lockPostgres(target, deps))
  const db = stack.adopt(await postgresDatabase(target, 'READ WRITE'), async (pool) => pool.destroy())
  return { lock, db, found: await inspect(describeTarget(target), db) }
}

/** @throws StoreError when it is no database of ours, or newer than this program. */
async function inspect(store: string, db: Knex): Promise<'empty' | { readonly pending: readonly string[] }> {
  const { rows }: { readonly rows: readonly { readonly encoding: string }[] } = await db.raw(
    `SELECT current_setting('server_encoding') AS encoding`,
  )
  if (rows[0]?.encoding !== 'UTF8')
    throw unreachable(
      store,
      `its encoding is ${rows[0]?.encoding}`,
      'Create the database with ENCODING UTF8.',
    )
  const tables = (await postgresTables(db)).filter((table) => table !== holderTable)
  if (tables.length === 0) return 'empty'
  if (!tables.includes('fleet') || !tables.includes('migrations'))
    throw corrupt(store, 'it is not a store of Weir')
  await refuseMoved(store, db)
  const age = await schemaAge(db)
  if (age.unknown.length > 0) throw newerStore(store, age.unknown)
  return age
}

interface Opened {
  readonly fleet: string
  /** Absent where it is only read. */
  readonly lock?: PostgresLock
  readonly close: () => Promise<void>
}

function createStore(target: PostgresTarget, db: Knex, { fleet, lock, close }: Opened): Store {
  return createKnexStore({
    db,
    fleet,
    inTurn: async (work) =>
      db.transaction(async (trx) => {
        await lock?.turn(trx)
        return work(trx)
      }),
    soleWriter: lock !== undefined,
    trouble: () => lock?.trouble,
    explain: (error) => explainPostgres(target, error),
    close,
  })
}

function missingFleet(store: string): () => string {
  return () => {
    throw corrupt(store, 'it holds no fleet')
  }
}
