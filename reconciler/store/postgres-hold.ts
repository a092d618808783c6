import type { Knex } from 'knex'
import type { ElectionClock, ElectionDeps } from '../election/campaign.ts'
import { holdLease, type Hold } from '../election/hold.ts'
import { timing } from '../election/timing.ts'
import type { LeaseRecord, LeaseVersion } from '../model/lease.ts'
import { describeTarget, type PostgresTarget } from '../model/store-url.ts'
import { postgresDatabase } from './postgres-database.ts'
import { unreachable } from './postgres-errors.ts'
import { createPostgresLease, makeLeaseTable } from './postgres-lease.ts'
import { inspect } from './postgres-opened.ts'
import { StoreError } from './store.ts'

export interface HoldDeps {
  readonly clock: ElectionClock
  /** Of this process, and of no other one ever. */
  readonly name: string
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void }
  /** Called when it was lost, and when it is held again. */
  readonly onChange?: () => void
}

/** The store, held by one who works alone for a while: a run that ends by itself, or a move. */
export interface PostgresHold extends Hold {
  /** Why nothing may be written now. */
  trouble(): StoreError | undefined
}

/** @throws StoreError `store-locked`, naming who leads; other errors are those of the driver. */
export async function holdPostgres(target: PostgresTarget, db: Knex, deps: HoldDeps): Promise<PostgresHold> {
  await using stack = new AsyncDisposableStack()
  const { log, onChange } = deps
  let trouble: StoreError | undefined
  const lease = stack.use(createPostgresLease(target, async () => makeLeaseTable(db)))
  const hold = stack.use(
    await holdLease(postgresElection(lease, deps), {
      refusal: (found) => inUse(target, found),
      onChange: (lost) => {
        trouble = lost === undefined ? undefined : lostLease(target, lost)
        if (trouble === undefined) log.info({}, 'the lease of the store is held again')
        else log.warn({ code: trouble.code, reason: lost }, 'the lease of the store was lost')
        onChange?.()
      },
      onOut: (found) => {
        trouble = takenOver(target, found)
        log.warn({ code: trouble.code, remedy: trouble.remedy }, trouble.message)
        onChange?.()
      },
    }),
  )
  const held = stack.move()
  return {
    get number() {
      return hold.number
    },
    check: () => {
      if (trouble !== undefined) throw trouble
      hold.check()
    },
    trouble: () => trouble,
    [Symbol.asyncDispose]: async () => held.disposeAsync(),
  }
}

/** Where the database is ours, or empty. `movingTo`: to where its fleet may have been moved. */
export async function holdDatabase(
  stack: AsyncDisposableStack,
  target: PostgresTarget,
  deps: HoldDeps,
  movingTo?: string,
): Promise<{ readonly db: Knex; readonly hold: PostgresHold }> {
  const db = await postgresDatabase(stack, target, 'READ WRITE')
  await inspect(describeTarget(target), db, movingTo)
  const hold = stack.use(await holdPostgres(target, db, deps))
  return { db, hold }
}

/** Reconcilers that share a store in PostgreSQL choose by a row of it. */
export function postgresElection(
  record: LeaseRecord,
  { clock, name }: Pick<HoldDeps, 'clock' | 'name'>,
): ElectionDeps {
  const isOutage = (error: unknown): boolean =>
    error instanceof StoreError && error.code === 'store-unreachable'
  return { record, clock, name, timing, isOutage }
}

function inUse(target: PostgresTarget, { holder, since }: LeaseVersion): StoreError {
  return new StoreError(
    'store-locked',
    `The store ${describeTarget(target)} is in use by ${holder}, since ${since}.`,
    'Stop that reconciler first, or use another store. A dry run needs no lease.',
  )
}

function lostLease(target: PostgresTarget, reason: string): StoreError {
  return unreachable(
    describeTarget(target),
    `its lease was lost (${reason})`,
    'It is taken again as soon as the server can be reached.',
  )
}

function takenOver(target: PostgresTarget, { holder }: LeaseVersion): StoreError {
  return new StoreError(
    'store-locked',
    `The store ${describeTarget(target)} was taken over by ${holder || 'another reconciler'} while this one had lost its lease.`,
    'Stop one of the two. This one does nothing more until it is started again.',
  )
}
