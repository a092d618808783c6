import type { Knex } from 'knex'
import { TermEnded, type Term } from '../model/lease.ts'
import { describeTarget, type PostgresTarget } from '../model/store-url.ts'
import { createKnexStore, fleetId } from './knex-store.ts'
import { migrate, schemaAge } from './migrations/migrations.ts'
import { storeTables } from './move-tables.ts'
import { refuseMoved } from './move.ts'
import { likeSqlite, postgresTables } from './postgres-database.ts'
import { corrupt, explainPostgres, unreachable } from './postgres-errors.ts'
import { say } from './postgres-lease.ts'
import { leaseTable, takeTurn, takeTurnOfTerm } from './postgres-turn.ts'
import { newerStore, StoreError, type Store } from './store.ts'

/** Where versions before the lease kept who holds the store. */
const formerTable = 'holder'

export async function explaining<T>(target: PostgresTarget, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw explainPostgres(target, error)
  }
}

export type Found = 'empty' | { readonly pending: readonly string[] }

/**
 * @param movingTo to where its fleet may have been moved.
 * @throws StoreError when it is no database of ours, or newer than this program.
 */
export async function inspect(store: string, db: Knex, movingTo?: string): Promise<Found> {
  const { rows }: { readonly rows: readonly { readonly encoding: string }[] } = await db.raw(
    `SELECT current_setting('server_encoding') AS encoding`,
  )
  if (rows[0]?.encoding !== 'UTF8')
    throw unreachable(
      store,
      `its encoding is ${rows[0]?.encoding}`,
      'Create the database with ENCODING UTF8.',
    )
  const tables = (await postgresTables(db)).filter((table) => table !== leaseTable && table !== formerTable)
  if (tables.length === 0) return 'empty'
  if (!tables.includes('fleet') || !tables.includes('migrations')) throw notOurs(store, tables)
  await refuseMoved(store, db, movingTo)
  const age = await schemaAge(db)
  if (age.unknown.length > 0) throw newerStore(store, age.unknown)
  return age
}

/** Brings the store up to date. The first turn of a term: what an earlier leader had begun to write is written or gone. */
export async function makeStore(
  target: PostgresTarget,
  db: Knex,
  { term, newId }: { readonly term: Fence; readonly newId: () => string },
): Promise<string> {
  const store = describeTarget(target)
  return db.transaction(async (trx) => {
    await takeTurnOfTerm(trx, term)
    // behind the turn: a move that was under way has ended, and has marked it
    const found = await inspect(store, trx)
    await bringUpToDate(trx, found)
    return fleetId(trx, found === 'empty' ? newId : missingFleet(store))
  })
}

/** Makes the tables, or those steps that are missing. */
export async function bringUpToDate(trx: Knex, found: Found): Promise<void> {
  if (found !== 'empty' && found.pending.length === 0) return
  await migrate(trx)
  await likeSqlite(trx, ownTables)
}

const ownTables = [...storeTables.map(([table]) => table), 'migrations', 'migrations_lock']

function notOurs(store: string, tables: readonly string[]): StoreError {
  return new StoreError(
    'store-corrupt',
    `The database ${store} is not a store of Weir (it has the table ${tables[0]}). Nothing was changed.`,
    'Name another database, which is empty or a store.',
  )
}

type Fence = Pick<Term, 'number' | 'check'>

interface Opened {
  readonly fleet: string
  /** Whose it is to write; `anyone`: what the doors of each reconciler write. Absent where it is only read. */
  readonly term?: (Fence & { readonly trouble?: () => StoreError | undefined }) | 'anyone'
  readonly close: () => Promise<void>
}

export function createStore(target: PostgresTarget, db: Knex, { fleet, term, close }: Opened): Store {
  return createKnexStore({
    db,
    fleet,
    inTurn: async (work) =>
      db.transaction(async (trx) => {
        await takeTurnAs(term, trx, describeTarget(target))
        const done = await work(trx)
        if (term !== 'anyone') await say(trx, 'written')
        return done
      }),
    soleWriter: term !== undefined && term !== 'anyone',
    trouble: () => (term === 'anyone' ? undefined : term?.trouble?.()),
    explain: (error) =>
      error instanceof TermEnded ? notLeading(target, error) : explainPostgres(target, error),
    close,
  })
}

async function takeTurnAs(term: Opened['term'], trx: Knex.Transaction, store: string): Promise<void> {
  if (term === undefined) return
  if (term !== 'anyone') return takeTurnOfTerm(trx, term)
  await takeTurn(trx)
  // a move takes a term, so that a leader knows
  await refuseMoved(store, trx)
}

function notLeading(target: PostgresTarget, { message }: TermEnded): StoreError {
  return new StoreError(
    'store-locked',
    `The store ${describeTarget(target)} is not this reconciler's to write: ${message}.`,
    'It goes on when it leads again.',
  )
}

export function missingFleet(store: string): () => string {
  return () => {
    throw corrupt(store, 'it holds no fleet')
  }
}
