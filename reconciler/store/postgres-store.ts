import type { Knex } from 'knex'
import { describeTarget, type PostgresTarget } from '../model/store-url.ts'
import { TermEnded, type Term } from '../model/lease.ts'
import { createKnexStore, fleetId } from './knex-store.ts'
import { migrate, schemaAge } from './migrations/migrations.ts'
import { notEmpty, refuseMoved, unknownStore, type MoveSource, type MoveTarget } from './move.ts'
import { countersOf, likeSqlite, postgresDatabase, postgresTables, setCounter } from './postgres-database.ts'
import { corrupt, explainPostgres, unreachable } from './postgres-errors.ts'
import { holdPostgres, type HoldDeps, type PostgresHold } from './postgres-hold.ts'
import { createPostgresLease, makeLeaseTable, say, type PostgresLease } from './postgres-lease.ts'
import { leaseTable, takeTurn, takeTurnOfTerm } from './postgres-turn.ts'
import { memoryDatabase } from './sqlite-database.ts'
import { newerStore, olderStore, StoreError, type Store } from './store.ts'

/** Where versions before the lease kept who holds the store. */
const formerTable = 'holder'

export interface PostgresStoreOptions extends HoldDeps {
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
  const { hold, db } = await openHeld(stack, target, deps)
  const fleet = await makeStore(target, db, { term: hold, newId: deps.newId })
  const held = stack.move()
  return createStore(target, db, { fleet, term: hold, close: async () => held.disposeAsync() })
}

/** Brings the store up to date. The first turn of a term: what an earlier leader had begun to write is written or gone. */
async function makeStore(
  target: PostgresTarget,
  db: Knex,
  { term, newId }: { readonly term: Fence; readonly newId: () => string },
): Promise<string> {
  const store = describeTarget(target)
  const found = await inspect(store, db)
  return db.transaction(async (trx) => {
    await takeTurnOfTerm(trx, term)
    await migrate(trx)
    await likeSqlite(trx)
    return fleetId(trx, found === 'empty' ? newId : missingFleet(store))
  })
}

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
  const db = stack.adopt(await postgresDatabase(target, 'READ WRITE'), async (pool) => pool.destroy())
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

type Found = 'empty' | { readonly pending: readonly string[] }

/** @throws StoreError when it is no database of ours, or newer than this program. */
async function inspect(store: string, db: Knex): Promise<Found> {
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
  if (!tables.includes('fleet') || !tables.includes('migrations'))
    throw corrupt(store, 'it is not a store of Weir')
  await refuseMoved(store, db)
  const age = await schemaAge(db)
  if (age.unknown.length > 0) throw newerStore(store, age.unknown)
  return age
}

type Fence = Pick<Term, 'number' | 'check'>

interface Opened {
  readonly fleet: string
  /** Whose it is to write; `anyone`: what the doors of each reconciler write. Absent where it is only read. */
  readonly term?: (Fence & { readonly trouble?: () => StoreError | undefined }) | 'anyone'
  readonly close: () => Promise<void>
}

function createStore(target: PostgresTarget, db: Knex, { fleet, term, close }: Opened): Store {
  return createKnexStore({
    db,
    fleet,
    inTurn: async (work) =>
      db.transaction(async (trx) => {
        if (term === 'anyone') await takeTurn(trx)
        else if (term !== undefined) await takeTurnOfTerm(trx, term)
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

function notLeading(target: PostgresTarget, { message }: TermEnded): StoreError {
  return new StoreError(
    'store-locked',
    `The store ${describeTarget(target)} is not this reconciler's to write: ${message}.`,
    'It goes on when it leads again.',
  )
}

function missingFleet(store: string): () => string {
  return () => {
    throw corrupt(store, 'it holds no fleet')
  }
}
