import type { Knex } from 'knex'
import { endOfAction } from './audit-facts.ts'
import { appendFacts } from './audit-table.ts'
import type { Database } from './database.ts'
import { toJournalEntry, toOrigin, type Row } from './rows.ts'
import type { JournalEntry, Store } from './store.ts'

type JournalTable = Pick<Store, 'beginAction' | 'endAction' | 'closeInterrupted' | 'journal'>

/** As many as one statement names. */
const idsPerUpdate = 500

/** Every step of every apply, written before it is taken and closed after. */
export function journalTable({ db, inTurn }: Database): JournalTable {
  return {
    async beginAction(entry, origin = {}, spec) {
      const row = {
        plan_id: entry.planId,
        revision: entry.revision,
        uid: entry.uid,
        name: entry.name,
        action: entry.action,
        started_at: entry.startedAt,
        origin: JSON.stringify(origin),
        ...(spec === undefined ? {} : { spec: JSON.stringify(spec) }),
      }
      const rows: Row[] = await inTurn(async (trx) => trx('journal').insert(row).returning('id'))
      return Number(rows[0]?.['id'])
    },

    endAction: async (id, end) =>
      inTurn(async (trx) => {
        const open: Row[] = await trx('journal').where({ id }).whereNull('outcome').select()
        await close(trx, open, { ended_at: end.endedAt, outcome: end.outcome, error: plainText(end.error) })
      }),

    closeInterrupted: async (endedAt) =>
      inTurn(async (trx) => {
        const open: Row[] = await trx('journal').whereNull('outcome').orderBy('id').select()
        return close(trx, open, { ended_at: endedAt, outcome: 'interrupted' })
      }),

    async journal(page) {
      const query = db('journal').select().orderBy('id', 'desc').limit(page.limit)
      if (page.before !== undefined) query.where('id', '<', page.before)
      if (page.name !== undefined) query.where({ name: page.name })
      const rows: Row[] = await query
      return rows.map(toJournalEntry)
    },
  }
}

/** What programs print may have characters in it that not every database keeps. */
function plainText(text: string | undefined): string | null {
  return text?.toWellFormed().replaceAll('\0', '\u{fffd}') ?? null
}

/** Steps end together with what the audit trail says of their end, or not at all. */
async function close(
  trx: Knex.Transaction,
  open: readonly Row[],
  closing: Row,
): Promise<readonly JournalEntry[]> {
  for (let at = 0; at < open.length; at += idsPerUpdate) {
    const ids = open.slice(at, at + idsPerUpdate).map((row) => Number(row['id']))
    await trx('journal')
      .whereIn('id', ids)
      .update({ ...closing, spec: null })
  }
  const closed = open.map((row) => ({ ...row, ...closing }))
  await appendFacts(
    trx,
    closed.map((row) => endOfAction(toJournalEntry(row), toOrigin(row))),
  )
  return closed.map(toJournalEntry)
}
