import type { Knex } from 'knex'
import { describeTarget, type PostgresTarget } from '../model/store-url.ts'
import { storeTables } from './move-tables.ts'
import { notEmpty, unknownStore, type MoveSource, type MoveTarget } from './move.ts'
import { countersOf, setCounter } from './postgres-database.ts'
import { holdDatabase, type HoldDeps } from './postgres-hold.ts'
import { bringUpToDate, explaining, inspect } from './postgres-opened.ts'
import { takeTurnOfTerm } from './postgres-turn.ts'
import { olderStore } from './store.ts'

/** A store whose fleet is to be moved elsewhere, by this name. */
export async function openPostgresSource(
  target: PostgresTarget,
  deps: HoldDeps,
  movingTo: string,
): Promise<MoveSource> {
  return explaining(target, async () => {
    await using stack = new AsyncDisposableStack()
    const store = describeTarget(target)
    const { db, hold } = await holdDatabase(stack, target, deps, movingTo)
    const found = await inspect(store, db, movingTo)
    if (found === 'empty') throw unknownStore(store)
    if (found.pending.length > 0) throw olderStore(store, 'a move')
    const held = stack.move()
    return {
      take: async (work) =>
        explaining(target, async () =>
          db.transaction(async (trx) => {
            await takeTurnOfTerm(trx, hold)
            // doors of other reconcilers wait for their turn until the mark is there; whoever takes none waits too
            await trx.raw(`LOCK TABLE ${storeTables.map(() => '??').join(', ')} IN SHARE MODE`, tableNames)
            return keptAwake(trx, async () => work({ db: trx, counters: async () => countersOf(trx) }))
          }),
        ),
      [Symbol.asyncDispose]: async () => held.disposeAsync(),
    }
  })
}

const tableNames = storeTables.map(([table]) => table)

/** A database for a fleet that comes from elsewhere: it is filled in one transaction, and one that holds a store is not changed. */
export async function openPostgresTarget(target: PostgresTarget, deps: HoldDeps): Promise<MoveTarget> {
  return explaining(target, async () => {
    await using stack = new AsyncDisposableStack()
    const store = describeTarget(target)
    const { db, hold } = await holdDatabase(stack, target, deps)
    const held = stack.move()
    const told = async <T>(work: () => Promise<T>): Promise<T> => explaining(target, work)
    return {
      fill: async (work) =>
        told(async () =>
          db.transaction(async (trx) => {
            await takeTurnOfTerm(trx, hold)
            const found = await inspect(store, trx)
            const empty = found === 'empty'
            if (!empty && found.pending.length > 0) throw notEmpty(store)
            await bringUpToDate(trx, found)
            const counter = async (table: string, last: number) => setCounter(trx, table, last)
            await keptAwake(trx, async () => work({ db: trx, empty, setCounter: counter, told }))
          }),
        ),
      [Symbol.asyncDispose]: async () => held.disposeAsync(),
    }
  })
}

/** Milliseconds, less than any transaction may be idle. */
const awakeEvery = 300

/** While the other store is at work this transaction says something, or the server would cut it off. */
async function keptAwake<T>(trx: Knex.Transaction, work: () => Promise<T>): Promise<T> {
  let asking: Promise<unknown> | undefined
  const timer = setInterval(() => {
    asking ??= trx
      .raw('SELECT 1')
      .catch(() => undefined)
      .finally(() => (asking = undefined))
  }, awakeEvery)
  try {
    return await work()
  } finally {
    clearInterval(timer)
    await asking
  }
}
