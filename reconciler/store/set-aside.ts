import type { Knex } from 'knex'
import type { SetAside } from '../model/instance-storage.ts'
import { setAsideRemoved } from './audit-facts.ts'
import { appendFacts } from './audit-table.ts'
import { toSavedBy, toSetAside, toText, type Row } from './rows.ts'

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
  if (origin === 'edit') await removeBeyond(trx, uid, at)
}

/** What is gone for good is told in the audit trail, by the same transaction. */
async function removeBeyond(trx: Knex.Transaction, uid: string, at: string): Promise<void> {
  const edits: Row[] = await trx(table)
    .where({ uid, origin: 'edit' })
    .orderBy('id', 'desc')
    .select('id', 'revision', 'saved_at', 'saved_by')
  const beyond = edits.slice(editsKept).map(toSavedBy)
  if (beyond.length === 0) return
  const instance: Row | undefined = await trx('instances').where({ uid }).first('name')
  const name = instance === undefined ? uid : toText(instance, 'name')
  await appendFacts(
    trx,
    beyond.map((one) => setAsideRemoved({ uid, name }, one, at)),
  )
  const ids = beyond.map(({ id }) => id)
  await trx(table).where({ uid }).whereIn('id', ids).delete()
}

/** Newest first. */
export async function listSetAside(db: Knex, uid: string): Promise<readonly SetAside[]> {
  const rows: Row[] = await db(table)
    .where({ uid })
    .orderBy('id', 'desc')
    .select([...columns, 'id', 'origin', 'set_aside_at'])
  return rows.map(toSetAside)
}
