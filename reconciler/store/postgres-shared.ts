import type { Term } from '../model/lease.ts'
import { describeTarget, type PostgresTarget } from '../model/store-url.ts'
import { fleetId } from './knex-store.ts'
import { postgresDatabase } from './postgres-database.ts'
import { unreachable } from './postgres-errors.ts'
import { createPostgresLease, makeLeaseTable, say, type PostgresLease } from './postgres-lease.ts'
import { createStore, explaining, inspect, makeStore, missingFleet } from './postgres-opened.ts'
import type { Store, StoreError } from './store.ts'

/** A store that several reconcilers share, of whom one leads. */
export interface SharedPostgres extends AsyncDisposable {
  /** Where the leader is chosen. Reading it makes its table, and nothing else. */
  readonly lease: PostgresLease
  /** What doors read and write, whoever leads. @throws StoreError `store-unreachable` also while no leader has made it. */
  openForDoors(): Promise<Store>
  /** What a leader reads and writes while its term lasts, and no longer. */
  openForTerm(term: Term): Promise<Store>
  /** Has the leader look at what runs. */
  askToLook(): Promise<void>
}

/** Nothing is read or written before the first call. */
export async function sharePostgres(target: PostgresTarget, newId: () => string): Promise<SharedPostgres> {
  await using stack = new AsyncDisposableStack()
  const store = describeTarget(target)
  const db = await postgresDatabase(stack, target, 'READ WRITE')
  const prepare = async (): Promise<void> => {
    await inspect(store, db)
    await makeLeaseTable(db)
  }
  const lease = stack.use(createPostgresLease(target, prepare))
  const held = stack.move()
  const close = async (): Promise<void> => undefined
  return {
    lease,
    openForDoors: async () =>
      explaining(target, async () => {
        const found = await inspect(store, db)
        if (found === 'empty' || found.pending.length > 0) throw notMadeYet(store)
        return createStore(target, db, {
          fleet: await fleetId(db, missingFleet(store)),
          term: 'anyone',
          close,
        })
      }),
    openForTerm: async (term) =>
      explaining(target, async () => {
        const fleet = await makeStore(target, db, { term, newId })
        return createStore(target, db, { fleet, term, close })
      }),
    askToLook: async () => explaining(target, async () => say(db, 'look')),
    [Symbol.asyncDispose]: async () => held.disposeAsync(),
  }
}

function notMadeYet(store: string): StoreError {
  return unreachable(store, 'no leader has made it or brought it up to date yet', 'It is tried again.')
}
