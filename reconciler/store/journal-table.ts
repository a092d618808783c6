import type { Knex } from 'knex'
import { toJournalEntry, type Row } from './rows.ts'
import type { Store } from './store.ts'

type JournalTable = Pick<Store, 'beginAction' | 'endAction' | 'closeInterrupted' | 'journal'>

/** Every step of every apply, written before it is taken and closed after. */
export function journalTable(db: Knex): JournalTable {
  return {
    async beginAction(entry) {
      const rows: Row[] = await db('journal')
        .insert({
          plan_id: entry.planId,
          revision: entry.revision,
          uid: entry.uid,
          name: entry.name,
          action: entry.action,
          started_at: entry.startedAt,
        })
        .returning('id')
      return Number(rows[0]?.['id'])
    },

    async endAction(id, end) {
      await db('journal')
        .where({ id })
        .update({ ended_at: end.endedAt, outcome: end.outcome, error: end.error ?? null })
    },

    closeInterrupted: async (endedAt) =>
      db.transaction(async (trx) => {
        const open: Row[] = await trx('journal').whereNull('outcome').orderBy('id').select()
        const closing = { ended_at: endedAt, outcome: 'interrupted' }
        if (open.length > 0) await trx('journal').whereNull('outcome').update(closing)
        return open.map((row) => toJournalEntry({ ...row, ...closing }))
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
