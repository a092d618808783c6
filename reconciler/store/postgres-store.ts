import { describeTarget, type PostgresTarget } from '../model/store-url.ts'
import { fleetId } from './knex-store.ts'
import { migrate } from './migrations/migrations.ts'
import { postgresDatabase } from './postgres-database.ts'
import { holdDatabase, type HoldDeps } from './postgres-hold.ts'
import { createStore, explaining, inspect, makeStore, missingFleet } from './postgres-opened.ts'
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
  const db = await postgresDatabase(stack, target, 'READ ONLY')
  const store = describeTarget(target)
  const found = await inspect(store, db)
  if (found === 'empty') {
    const nothing = memoryDatabase()
    await migrate(nothing)
    return createStore(target, nothing, { fleet: '', close: async () => nothing.destroy() })
  }
  if (found.pending.length > 0) throw olderStore(store, 'a dry run')
  const fleet = await fleetId(db, missingFleet(store))
  const held = stack.move()
  return createStore(target, db, { fleet, close: async () => held.disposeAsync() })
}

async function openForWriting({ target, ...deps }: PostgresStoreOptions): Promise<Store> {
  await using stack = new AsyncDisposableStack()
  const { hold, db } = await holdDatabase(stack, target, deps)
  const fleet = await makeStore(target, db, { term: hold, newId: deps.newId })
  const held = stack.move()
  return createStore(target, db, { fleet, term: hold, close: async () => held.disposeAsync() })
}
