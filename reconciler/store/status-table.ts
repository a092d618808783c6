import type { StatusRecord } from '../model/status-record.ts'
import type { Database } from './database.ts'
import { toStatusRecord, type Row } from './rows.ts'
import type { Store } from './store.ts'

/** Databases limit how many values one statement may bind; three a row stay far below every limit. */
const rowsPerInsert = 200

/** The status of every object, so that `since` survives a restart. */
export function statusTable({ db, inTurn }: Database): Pick<Store, 'statuses' | 'saveStatuses'> {
  return {
    async statuses() {
      const rows: Row[] = await db('statuses').select('record').orderBy(['kind', 'name'])
      return rows.map(toStatusRecord)
    },

    async saveStatuses(changed, gone) {
      if (changed.length === 0 && gone.length === 0) return
      await inTurn(async (trx) => {
        for (const { kind, name } of gone) await trx('statuses').where({ kind, name }).delete()
        for (let at = 0; at < changed.length; at += rowsPerInsert)
          await trx('statuses')
            .insert(changed.slice(at, at + rowsPerInsert).map(toRow))
            .onConflict(['kind', 'name'])
            .merge()
      })
    },
  }
}

function toRow(record: StatusRecord): Row {
  return { kind: record.kind, name: record.name, record: JSON.stringify(record) }
}
