import type { Knex } from 'knex'
import type { SetAside } from '../model/instance-storage.ts'
import { toSetAside, type Row } from './rows.ts'

const table = 'flows_set_aside'
const columns = ['nodes', 'credentials', 'revision', 'saved_at', 'saved_by'] as const
/** Of deploys over declared flows so many are kept; of flows that were the editor's own, all. */
const editsKept = 10

/** Keeps what declared flows take the place of. `write` tells how many rows it has written: none where it was refused. */
export async function settingAside(
  trx: Knex.Transaction,
  {
    uid,
    base,
    revision,
    at,
  }: { readonly uid: string; readonly base: string; readonly revision: string; readonly at: string },
  write: () => Promise<number>,
): Promise<void> {
  const row = base === revision ? undefined : await replaceable(trx, uid, base)
  const written = await write()
  if (row !== undefined && written > 0) await setAside(trx, uid, { row, at })
}

/** What stands at a revision and is not what Git declared; undefined where nothing is to be kept. */
async function replaceable(trx: Knex.Transaction, uid: string, revision: string): Promise<Row | undefined> {
  const row: Row | undefined = await trx('instance_flows')
    .where({ uid, revision })
    .first([...columns, 'origin'])
  return row?.['origin'] === 'git' ? undefined : row
}

/** A row from before origins were noted counts as the editor's. */
async function setAside(
  trx: Knex.Transaction,
  uid: string,
  { row, at }: { readonly row: Row; readonly at: string },
): Promise<void> {
  const origin = row['origin'] === 'edit' ? 'edit' : 'editor'
  await trx(table).insert({ ...row, uid, origin, set_aside_at: at })
  if (origin === 'editor') return
  const kept: Row[] = await trx(table)
    .where({ uid, origin })
    .orderBy('id', 'desc')
    .limit(editsKept)
    .select('id')
  await trx(table)
    .where({ uid, origin })
    .whereNotIn(
      'id',
      kept.map(({ id }) => Number(id)),
    )
    .delete()
}

/** Newest first. */
export async function listSetAside(db: Knex, uid: string): Promise<readonly SetAside[]> {
  const rows: Row[] = await db(table)
    .where({ uid })
    .orderBy('id', 'desc')
    .select([...columns, 'id', 'origin', 'set_aside_at'])
  return rows.map(toSetAside)
}
