import type { Knex } from 'knex'
import { sha256 } from '../model/digest.ts'
import type { DocumentKind, DocumentWrite, FlowsSaved, FlowsWrite } from '../model/instance-storage.ts'
import type { Database } from './database.ts'
import { libraryTable } from './library-table.ts'
import { toStoredFlows, toText, type Row } from './rows.ts'
import { listSetAside, settingAside } from './set-aside.ts'
import type { InstanceStorage } from './store.ts'

const flowsColumns = ['nodes', 'credentials', 'revision', 'saved_at', 'saved_by', 'origin'] as const

/** What editors keep: flows with their credentials, Node-RED's settings, sessions, library. */
export function storageTable(database: Database): Pick<InstanceStorage, keyof InstanceStorage> {
  const { db, inTurn } = database
  return {
    async flows(uid) {
      const row: Row | undefined = await db('instance_flows').where({ uid }).first(flowsColumns)
      return row && toStoredFlows(row)
    },

    saveFlows: async (uid, write) => inTurn(async (trx) => saveFlows(trx, uid, write)),

    flowsSetAside: async (uid) => listSetAside(db, uid),

    async document(uid, kind) {
      const row: Row | undefined = await db(tables[kind]).where({ uid }).first('content')
      return row && toText(row, 'content')
    },

    saveDocument: async (uid, kind, write) =>
      inTurn(async (trx) => saveDocument(trx, { uid, kind, ...write })),

    ...libraryTable(database),
  }
}

const tables: { readonly [kind in DocumentKind]: string } = {
  settings: 'instance_settings',
  sessions: 'instance_sessions',
}

interface DocumentSave extends DocumentWrite {
  readonly uid: string
  readonly kind: DocumentKind
}

async function saveDocument(
  trx: Knex.Transaction,
  { uid, kind, base, content }: DocumentSave,
): Promise<boolean> {
  const row: Row | undefined = await trx(tables[kind]).where({ uid }).first('content')
  const found = row && toText(row, 'content')
  // Also where an earlier attempt wrote it, and its answer was lost on the way.
  if (found === content) return true
  if (base !== (found === undefined ? undefined : sha256(found))) return false
  await trx(tables[kind]).insert({ uid, content }).onConflict('uid').merge()
  return true
}

/** So many deploys of an instance are known again. */
const deploysKnown = 16

async function saveFlows(trx: Knex.Transaction, uid: string, write: FlowsWrite): Promise<FlowsSaved> {
  const { base, revision, savedAt, origin, deploy } = write
  const known = await deploysOf(trx, uid)
  // A copy that was late on its way: what came after it may have gone back to what it started from.
  if (deploy !== undefined && known.includes(deploy)) return { saved: true }
  const row = flowsRow(write, known)
  const flows = () => trx('instance_flows')
  if (base === undefined)
    await flows()
      .insert({ uid, ...row })
      .onConflict('uid')
      .ignore()
  else if (origin === 'git')
    await settingAside(trx, { uid, base, revision, at: savedAt }, () =>
      flows().where({ uid, revision: base }).update(row),
    )
  else await flows().where({ uid, revision: base }).update(row)
  const found: Row | undefined = await flows().where({ uid }).first('revision')
  const current = found && toText(found, 'revision')
  // Also where an earlier attempt wrote it, and its answer was lost on the way.
  if (current === revision) return { saved: true }
  return { saved: false, ...(current === undefined ? {} : { current }) }
}

function flowsRow(write: FlowsWrite, known: readonly string[]): Row {
  const { nodes, credentials, revision, savedAt, savedBy, origin, deploy } = write
  const deploys = [...known, ...(deploy === undefined ? [] : [deploy])].slice(-deploysKnown)
  const told = { saved_at: savedAt, saved_by: savedBy ?? null, origin: origin ?? null }
  return { nodes, credentials, revision, deploys: JSON.stringify(deploys), ...told }
}

async function deploysOf(trx: Knex.Transaction, uid: string): Promise<readonly string[]> {
  const row: Row | undefined = await trx('instance_flows').where({ uid }).first('deploys')
  const text = row?.['deploys']
  const deploys: unknown = typeof text === 'string' ? JSON.parse(text) : []
  return Array.isArray(deploys) ? deploys.map(String) : []
}
