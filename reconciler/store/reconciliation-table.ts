import { refusalOfPlan } from './audit-facts.ts'
import { appendFacts } from './audit-table.ts'
import type { Database } from './database.ts'
import { toReconciliation, type Row } from './rows.ts'
import type { Store } from './store.ts'

/** The history of rounds that did something, or failed to. */
export function reconciliationTable({
  db,
  inTurn,
}: Database): Pick<Store, 'addReconciliation' | 'reconciliations'> {
  return {
    addReconciliation: async (record, refusals = []) =>
      inTurn(async (trx) => {
        await trx('reconciliations').insert({
          plan_id: record.planId,
          revision: record.revision,
          author: record.author ?? null,
          subject: record.subject ?? null,
          cause: record.cause,
          started_at: record.startedAt,
          ended_at: record.endedAt,
          outcome: record.outcome,
          headline: record.headline,
        })
        if (record.outcome === 'refused') await appendFacts(trx, [refusalOfPlan(record, refusals)])
      }),

    async reconciliations(page) {
      const query = db('reconciliations').select().orderBy('id', 'desc').limit(page.limit)
      if (page.before !== undefined) query.where('id', '<', page.before)
      const rows: Row[] = await query
      return rows.map(toReconciliation)
    },
  }
}
