import type { Knex } from 'knex'
import { describeTarget, type PostgresTarget } from '../model/store-url.ts'
import { fleetId } from './knex-store.ts'
import { migrate } from './migrations/migrations.ts'
import { notEmpty, unknownStore, type MoveSource, type MoveTarget } from './move.ts'
import { countersOf, likeSqlite, postgresDatabase, setCounter } from './postgres-database.ts'
import { holdPostgres, type HoldDeps, type PostgresHold } from './postgres-hold.ts'
import { createStore, explaining, inspect, makeStore, missingFleet, type Found } from './postgres-opened.ts'
import { takeTurnOfTerm } from './postgres-turn.ts'
import { memoryDatabase } from './sqlite-database.ts'
import { olderStore, type Store } from './store.ts'

export interface PostgresStoreOptions extends HoldDeps {
  readonly target: PostgresTarget
  /** Makes the fleet's id, once. */
  readonly newId: () => string
  /** For dry runs: no lease is taken, nothing is written, and an empty database stays empty. */
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
  const { hold, db } = await openHeld(stack, target, deps)
  const fleet = await makeStore(target, db, { term: hold, newId: deps.newId })
  const held = stack.move()
  return createStore(target, db, { fleet, term: hold, close: async () => held.disposeAsync() })
}

/** A store whose fleet is to be moved elsewhere. */
export async function openPostgresSource(target: PostgresTarget, deps: HoldDeps): Promise<MoveSource> {
  return explaining(target, async () => {
    await using stack = new AsyncDisposableStack()
    const store = describeTarget(target)
    const { db } = await openHeld(stack, target, deps, (found) => {
      if (found === 'empty') throw unknownStore(store)
      if (found.pending.length > 0) throw olderStore(store)
    })
    const held = stack.move()
    return {
      db,
      counters: async () => countersOf(db),
      [Symbol.asyncDispose]: async () => held.disposeAsync(),
    }
  })
}

/** An empty database, for a fleet that comes from elsewhere: it is filled in one transaction. */
export async function openPostgresTarget(target: PostgresTarget, deps: HoldDeps): Promise<MoveTarget> {
  return explaining(target, async () => {
    await using stack = new AsyncDisposableStack()
    const { db, hold } = await openHeld(stack, target, deps, (found) => {
      if (found !== 'empty') throw notEmpty(describeTarget(target))
    })
    const held = stack.move()
    return {
      fill: async (work) =>
        explaining(target, async () =>
          db.transaction(async (trx) => {
            await takeTurnOfTerm(trx, hold)
            await migrate(trx)
            await likeSqlite(trx)
            await work(trx, async (table, last) => setCounter(trx, table, last))
          }),
        ),
      [Symbol.asyncDispose]: async () => held.disposeAsync(),
    }
  })
}

/** Where the database is ours. `fits`: looks at what is there when nobody else can write. */
async function openHeld(
  stack: AsyncDisposableStack,
  target: PostgresTarget,
  deps: HoldDeps,
  fits: (found: Found) => void = () => undefined,
): Promise<{ readonly db: Knex; readonly hold: PostgresHold }> {
  const db = stack.adopt(await postgresDatabase(target, 'READ WRITE'), async (pool) => pool.destroy())
  await inspect(describeTarget(target), db)
  const hold = stack.use(await holdPostgres(target, db, deps))
  fits(await inspect(describeTarget(target), db))
  return { db, hold }
}
