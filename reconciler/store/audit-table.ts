import type { Knex } from 'knex'
import {
  matchesFilter,
  plainFact,
  type AuditEntry,
  type AuditFact,
  type AuditFilter,
} from '../model/audit.ts'
import { columnsOf, emptyHead, seal, unsealed, type AuditRow, type ChainHead } from '../model/audit-chain.ts'
import type { Database } from './database.ts'
import { RowError, type Row } from './rows.ts'
import type { Store } from './store.ts'

/** Databases limit how many values one statement may bind; ten a row stay far below every limit. */
const rowsPerInsert = 100
const keysPerQuery = 500
/** So many rows are in memory at once while the trail is read as a whole. */
const rowsPerRead = 500

/** The trail of what was done. Rows are added and read; nothing here changes or removes one. */
export function auditTable({ db, inTurn }: Database): Pick<Store, 'appendAudit' | 'audit' | 'auditRows'> {
  return {
    appendAudit: async (facts) => inTurn(async (trx) => appendFacts(trx, facts)),

    async audit({ limit, before, ...filter }) {
      const query = matching(db, filter).orderBy('id', 'desc').limit(limit)
      if (before !== undefined) query.where('id', '<', before)
      const rows: Row[] = await query
      return rows.map(toEntry).filter((entry) => matchesFilter(entry, filter))
    },

    auditRows: () => readAuditRows(db),
  }
}

/**
 * Puts facts at the end of the chain, in order, as a part of the caller's turn: they stand there if and only if the rest
 * of it does. A fact whose key is there already is left out.
 */
export async function appendFacts(
  trx: Knex.Transaction,
  facts: readonly AuditFact[],
): Promise<readonly AuditEntry[]> {
  if (facts.length === 0) return []
  // Transactions take turns. A second row behind the same entry would be refused by the table all the same.
  let head = await headOf(trx)
  const entries: AuditEntry[] = []
  const rows: Row[] = []
  for (const fact of await notYetTold(trx, facts.map(plainFact))) {
    const sealed = seal(fact, head)
    const { id, hash } = { id: head.id + 1, hash: sealed.hash }
    entries.push({ ...fact, id, previous: head.hash, hash })
    rows.push({ ...columnsOf(fact), ...sealed, id, previous: head.hash })
    head = { id, hash }
  }
  for (let at = 0; at < rows.length; at += rowsPerInsert)
    await trx('audit').insert(rows.slice(at, at + rowsPerInsert))
  return entries
}

async function headOf(trx: Knex.Transaction): Promise<ChainHead> {
  const row: Row | undefined = await trx('audit').orderBy('id', 'desc').first('id', 'hash')
  return row === undefined ? emptyHead : { id: Number(row['id']), hash: String(row['hash']) }
}

/** Those facts that are not there yet, each once. */
async function notYetTold(trx: Knex.Transaction, facts: readonly AuditFact[]): Promise<readonly AuditFact[]> {
  const keys = facts.flatMap(({ key }) => key ?? [])
  const known = new Set<unknown>()
  for (let at = 0; at < keys.length; at += keysPerQuery) {
    const rows: Row[] = await trx('audit')
      .whereIn('key', keys.slice(at, at + keysPerQuery))
      .select('key')
    for (const row of rows) known.add(row['key'])
  }
  return facts.filter(({ key }) => {
    if (key === undefined) return true
    if (known.has(key)) return false
    known.add(key)
    return true
  })
}

function matching(
  db: Knex,
  { instance, user, event, since, until }: AuditFilter,
): Knex.QueryBuilder<Row, Row[]> {
  const query = db<Row>('audit').select()
  if (instance !== undefined)
    query.where((either) => {
      either.where({ instance: instance.name })
      if (instance.uid !== undefined) either.orWhere({ uid: instance.uid })
    })
  if (user !== undefined) query.where({ user })
  if (event !== undefined) query.where({ event })
  if (since !== undefined) query.where('recorded_at', '>=', since)
  if (until !== undefined) query.where('recorded_at', '<', until)
  return query
}

/** Page by page: no transaction stays open, so that a reader is in no writer's way. What is appended meanwhile is read too. */
export async function* readAuditRows(db: Knex): AsyncGenerator<AuditRow> {
  let last: unknown
  for (;;) {
    const query = db<Row>('audit').select().orderBy('id').limit(rowsPerRead)
    if (typeof last === 'number') query.where('id', '>', last)
    const rows: Row[] = await query
    yield* rows
    if (rows.length < rowsPerRead) return
    last = rows.at(-1)?.['id']
  }
}

function toEntry(row: Row): AuditEntry {
  const entry = unsealed(row)
  if (entry === undefined) throw new RowError('entry', 'an entry of the audit trail')
  return entry
}
