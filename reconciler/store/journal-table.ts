import type { Knex } from 'knex'
import { endOfAction } from './audit-facts.ts'
import { appendFacts } from './audit-table.ts'
import { toJournalEntry, toOrigin, type Row } from './rows.ts'
import type { JournalEntry, Store } from './store.ts'

type JournalTable = Pick<Store, 'beginAction' | 'endAction' | 'closeInterrupted' | 'journal'>

/** As many as one statement names. */
const idsPerUpdate = 500

/** Every step of every apply, written before it is taken and closed after. */
export function journalTable(db: Knex): JournalTable {
  return {
    async beginAction(entry, origin = {}) {
      const rows: Row[] = await db('journal')
        .insert({
          plan_id: entry.planId,
          revision: entry.revision,
          uid: entry.uid,
          name: entry.name,
          action: entry.action,
          started_at: entry.startedAt,
          origin: JSON.stringify(origin),
        })
        .returning('id')
      return Number(rows[0]?.['id'])
    },

    endAction: async (id, end) =>
      db.transaction(async (trx) => {
        const open: Row[] = await trx('journal').where({ id }).whereNull('outcome').select()
        await close(trx, open, { ended_at: end.endedAt, outcome: end.outcome, error: end.error ?? null })
      }),

    closeInterrupted: async (endedAt) =>
      db.transaction(async (trx) => {
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

/** Steps end together with what the audit trail says of their end, or not at all. */
async function close(
  trx: Knex.Transaction,
  open: readonly Row[],
  closing: Row,
): Promise<readonly JournalEntry[]> {
  for (let at = 0; at < open.length; at += idsPerUpdate) {
    const ids = open.slice(at, at + idsPerUpdate).map((row) => Number(row['id']))
    await trx('journal').whereIn('id', ids).update(closing)
  }
  const closed = open.map((row) => ({ ...row, ...closing }))
  await appendFacts(
    trx,
    closed.map((row) => endOfAction(toJournalEntry(row), toOrigin(row))),
  )
  return closed.map(toJournalEntry)
}
