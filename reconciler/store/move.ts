import type { Knex } from 'knex'
import { verifyChain, type ChainHead } from '../model/audit-chain.ts'
import { readAuditRows } from './audit-table.ts'
import { copyTables, countedTables, digestTables, type TableDigest } from './move-tables.ts'
import type { Row } from './rows.ts'
import { StoreError } from './store.ts'

/** A store that nobody else writes while this is held. */
export interface MoveSource extends AsyncDisposable {
  readonly db: Knex
  /** The last ids that the database has counted up to, by table. */
  counters(): Promise<ReadonlyMap<string, number>>
}

/** A place where nobody else can make a store while this is held. */
export interface MoveTarget extends AsyncDisposable {
  /** Makes a store of what `work` writes, or none where it throws. */
  fill(
    work: (db: Knex, setCounter: (table: string, last: number) => Promise<void>) => Promise<void>,
  ): Promise<void>
}

/** What was moved, and the head of its audit trail. */
export interface Moved {
  readonly tables: readonly TableDigest[]
  readonly head: ChainHead
}

const mark = 'moved'

/**
 * Moves a fleet to an empty store: copies all rows, reads them there again, compares, and proves the audit trail. Until that holds
 * there is nothing at the target. Then the source is marked, so that no reconciler goes on with it.
 * @param names what source and target are called.
 */
export async function moveStore(
  { source, target }: { readonly source: MoveSource; readonly target: MoveTarget },
  names: { readonly to: string; readonly at: string },
  signal: AbortSignal,
): Promise<Moved> {
  let moved: Moved | undefined
  await target.fill(async (db, setCounter) => {
    const tables = await copyTables(source.db, db, signal)
    const counters = await source.counters()
    for (const table of countedTables) await setCounter(table, counters.get(table) ?? 0)
    refuseDifferences(tables, await digestTables(db, signal))
    moved = { tables, head: await provenHead(db) }
  })
  await markMoved(source.db, names)
  if (moved === undefined) throw new Error('nothing was moved')
  return moved
}

async function markMoved(db: Knex, names: { readonly to: string; readonly at: string }): Promise<void> {
  try {
    await db.transaction(async (trx) => {
      await trx.schema.createTable(mark, (table) => {
        table.text('to').notNullable()
        table.text('at').notNullable()
      })
      await trx(mark).insert(names)
    })
  } catch (cause) {
    throw new StoreError(
      'move-failed',
      `The fleet was moved to ${names.to}, but the store that it was in could not be marked.`,
      'Go on with the new one, and see to it that no reconciler is started on the old one.',
      { cause },
    )
  }
}

/** @throws StoreError where the fleet of this store was moved. */
export async function refuseMoved(store: string, db: Knex): Promise<void> {
  if (!(await db.schema.hasTable(mark))) return
  const row: Row | undefined = await db(mark).first('to', 'at')
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

function refuseDifferences(before: readonly TableDigest[], after: readonly TableDigest[]): void {
  const different = before.filter(
    ({ rows, sha256 }, index) => after[index]?.rows !== rows || after[index].sha256 !== sha256,
  )
  if (different.length > 0)
    throw failed(`what was written to ${different.map(({ table }) => table).join(', ')} is not what was read`)
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
