import type { Knex } from 'knex'
import { TermEnded, type Term } from '../model/lease.ts'
import { toText, type Row } from './rows.ts'

/** The table whose one row says who leads. */
export const leaseTable = 'lease'

/** "WEIR" in ASCII. Advisory locks are of a database, so that each holds one fleet. */
const turnKey = [0x57_45_49_52, 2]

/**
 * Waits until no other transaction writes: whatever writes does so behind this lock, whichever process it is of.
 * https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS
 */
export async function takeTurn(trx: Knex.Transaction): Promise<void> {
  await trx.raw('SELECT pg_advisory_xact_lock(?, ?)', turnKey)
}

/**
 * A turn that a leader takes: refused where its term is not the last one. Another term begins by waiting for a turn, so that
 * none of an earlier one comes after any of its own.
 * @throws TermEnded
 */
export async function takeTurnOfTerm(
  trx: Knex.Transaction,
  term: Pick<Term, 'number' | 'check'>,
): Promise<void> {
  term.check()
  await takeTurn(trx)
  // read behind the lock: each statement sees what was committed before it
  const row: Row | undefined = await trx(leaseTable).where({ id: 1 }).first('term', 'holder')
  if (Number(row?.['term']) !== term.number)
    throw new TermEnded(
      term.number,
      row === undefined
        ? 'the lease is gone'
        : `${toText(row, 'holder') || 'nobody'} has term ${String(row['term'])}`,
    )
}
