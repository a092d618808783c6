import type { Knex } from 'knex'
import { verifyChain, type ChainHead } from '../model/audit-chain.ts'
import { readAuditRows } from './audit-table.ts'
import { copyTables, countedTables, digestTables, insertRows, type TableDigest } from './move-tables.ts'
import type { Row } from './rows.ts'
import { StoreError } from './store.ts'

/** A store whose fleet is to go elsewhere. */
export interface MoveSource extends AsyncDisposable {
  /** In one transaction, during which nobody writes the store; what `work` throws undoes it. */
  take<T>(work: (from: Taken) => Promise<T>): Promise<T>
}

export interface Taken {
  readonly db: Knex
  /** The last ids that the database has counted up to, by table. */
  counters(): Promise<ReadonlyMap<string, number>>
}

/** A place where nobody else can make a store while this is held. */
export interface MoveTarget extends AsyncDisposable {
  /** Makes a store of what `work` writes, or changes nothing where it throws. */
  fill(work: (to: Filling) => Promise<void>): Promise<void>
}

export interface Filling {
  readonly db: Knex
  /** No store was here. Else it is only to be compared. */
  readonly empty: boolean
  readonly setCounter: (table: string, last: number) => Promise<void>
  /** What goes wrong in it is told of this store. */
  readonly told: <T>(work: () => Promise<T>) => Promise<T>
}

/** What the stores are called, and when it was. */
export interface MoveNames {
  readonly from: string
  readonly to: string
  readonly at: string
}

/** What was moved, and the head of its audit trail. */
export interface Moved {
  readonly tables: readonly TableDigest[]
  readonly head: ChainHead
}

const mark = 'moved'

/**
 * Moves a fleet to an empty store: copies all rows, reads them there again, compares, and proves the audit trail. Where that holds
 * the source is marked, so that no reconciler goes on with it, and only then is there anything at the target: at no time are there two
 * that one could be started on. A move that was cut off between the two is finished by the next one to the same target.
 */
export async function moveStore(
  { source, target }: { readonly source: MoveSource; readonly target: MoveTarget },
  names: MoveNames,
  signal: AbortSignal,
): Promise<Moved> {
  let moved: Moved | undefined
  try {
    await target.fill(async (to) => {
      moved = await source.take(async (from) => {
        const same = await (to.empty ? copyAll(from, to, signal) : sameAlready(from, to, names, signal))
        signal.throwIfAborted()
        await markMoved(from.db, names)
        return same
      })
    })
  } catch (error) {
    throw moved === undefined ? error : unfinished(names, error)
  }
  if (moved === undefined) throw new Error('nothing was moved')
  return moved
}

async function copyAll(from: Taken, { db, setCounter, told }: Filling, signal: AbortSignal): Promise<Moved> {
  const tables = await copyTables(
    from.db,
    async (table, rows) => told(async () => insertRows(db, table, rows)),
    signal,
  )
  const counters = await from.counters()
  return told(async () => {
    for (const table of countedTables) await setCounter(table, counters.get(table) ?? 0)
    const different = differencesOf(tables, await digestTables(db, signal))
    if (different !== '') throw failed(`what was written to ${different} is not what was read`)
    return { tables, head: await provenHead(db) }
  })
}

/** Where both hold one fleet, row by row, as where it was copied by other means, there is only to mark. */
async function sameAlready(
  from: Taken,
  { db, told }: Filling,
  names: MoveNames,
  signal: AbortSignal,
): Promise<Moved> {
  await refuseMoved(names.from, from.db)
  const fleetOf = async (one: Knex): Promise<Row | undefined> => one('fleet').first('id')
  const [own, there] = [await fleetOf(from.db), await told(async () => fleetOf(db))]
  if (own?.['id'] !== there?.['id']) throw notEmpty(names.to)
  const tables = await digestTables(from.db, signal)
  return told(async () => {
    if (differencesOf(tables, await digestTables(db, signal)) !== '') throw notEmpty(names.to)
    return { tables, head: await provenHead(db) }
  })
}

async function markMoved(db: Knex, { to, at }: MoveNames): Promise<void> {
  if (await db.schema.hasTable(mark)) return
  await db.schema.createTable(mark, (table) => {
    table.text('to').notNullable()
    table.text('at').notNullable()
  })
  await db(mark).insert({ to, at })
}

function unfinished({ from, to }: MoveNames, cause: unknown): StoreError {
  const why = cause instanceof Error ? cause.message : String(cause)
  return new StoreError(
    'move-failed',
    `The store ${from} is marked as moved to ${to}, but it is not known that the fleet is there: ${why}`,
    'Run the same command again: it finishes the move, or says that the fleet is there.',
    { cause },
  )
}

/**
 * @param movingTo to where it may have been moved: a move that was cut off.
 * @throws StoreError where the fleet of this store was moved.
 */
export async function refuseMoved(store: string, db: Knex, movingTo?: string): Promise<void> {
  if (!(await db.schema.hasTable(mark))) return
  const row: Row | undefined = await db(mark).first('to', 'at')
  if (movingTo !== undefined && row?.['to'] === movingTo) return
  throw new StoreError(
    'store-moved',
    `The fleet of the store ${store} was moved to ${String(row?.['to'])} at ${String(row?.['at'])}.`,
    'Name that store in the configuration.',
  )
}

export function notEmpty(store: string): StoreError {
  return new StoreError(
    'store-not-empty',
    `The store ${store} is not empty. Nothing was moved.`,
    'Name one that does not exist yet, or an empty database.',
  )
}

export function unknownStore(store: string): StoreError {
  return new StoreError(
    'store-unreachable',
    `There is no store ${store}.`,
    'Name the store of the reconciler.',
  )
}

/** The tables that differ; `''` where none does. */
function differencesOf(before: readonly TableDigest[], after: readonly TableDigest[]): string {
  const different = before.filter(
    ({ rows, sha256 }, index) => after[index]?.rows !== rows || after[index].sha256 !== sha256,
  )
  return different.map(({ table }) => table).join(', ')
}

async function provenHead(db: Knex): Promise<ChainHead> {
  const verdict = await verifyChain(readAuditRows(db))
  if (verdict.intact) return verdict.head
  throw failed(`entry ${verdict.id} of the audit trail is not as it was written: ${verdict.problem}`)
}

function failed(why: string): StoreError {
  return new StoreError(
    'move-failed',
    `The fleet was not moved: ${why}.`,
    'The store that it is in was not changed, and there is none at the other place.',
  )
}
