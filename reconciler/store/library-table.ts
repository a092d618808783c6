import type { Knex } from 'knex'
import type { LibraryEntry, LibraryFolder, LibrarySaved } from '../model/instance-storage.ts'
import type { Database } from './database.ts'
import { toLibraryEntry, toText, type Row } from './rows.ts'
import type { InstanceStorage } from './store.ts'

/** What one instance may keep. */
const most = { entries: 1000, bytes: 64 * 1024 * 1024 }

const columns = ['type', 'path', 'meta', 'body'] as const
const table = 'library_entries'

/** The editor's library. */
export function libraryTable({
  db,
  inTurn,
}: Database): Pick<InstanceStorage, 'library' | 'libraryEntry' | 'saveLibraryEntry'> {
  return {
    async libraryEntry(uid, type, path) {
      const row: Row | undefined = await db(table).where({ uid, type, path }).first(columns)
      return row && toLibraryEntry(row)
    },

    library: async (uid, type, folder) => folderOf(db, { uid, type, folder }),

    saveLibraryEntry: async (uid, entry) => inTurn(async (trx) => save(trx, uid, entry)),
  }
}

interface Place {
  readonly uid: string
  readonly type: string
  readonly folder: string
}

/** Of what lies deeper only the paths are read: what is said of entries may be much. */
async function folderOf(db: Knex, { uid, type, folder }: Place): Promise<LibraryFolder> {
  const prefix = folder === '' ? '' : `${folder}/`
  // In characters, as databases count them.
  const length = Array.from(prefix).length
  const inside = () => db(table).where({ uid, type }).whereRaw('substr(path, 1, ?) = ?', [length, prefix])
  const here: Row[] = await inside()
    .whereRaw("substr(path, ?) not like '%/%'", [length + 1])
    .select('path', 'meta')
  const deeper: Row[] = await inside()
    .whereRaw("substr(path, ?) like '%/%'", [length + 1])
    .select('path')
  const nameIn = (row: Row) => toText(row, 'path').slice(prefix.length)
  const folders = deeper.map((row) => nameIn(row).split('/', 1)[0] ?? '')
  return {
    folders: [...new Set(folders)].toSorted(),
    entries: here
      .map((row) => ({ name: nameIn(row), meta: toText(row, 'meta') }))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1)),
  }
}

async function save(trx: Knex.Transaction, uid: string, entry: LibraryEntry): Promise<LibrarySaved> {
  if (await isShadowed(trx, uid, entry)) return 'shadowed'
  if (await isFull(trx, uid, entry)) return 'full'
  await trx(table)
    .insert({ uid, ...entry })
    .onConflict(['uid', 'type', 'path'])
    .merge()
  return 'saved'
}

/** Whether a folder in the path is an entry, or the path is a folder: nobody could reach one of them. */
async function isShadowed(
  trx: Knex.Transaction,
  uid: string,
  { type, path }: LibraryEntry,
): Promise<boolean> {
  const names = path.split('/')
  const folders = names.slice(1).map((_, index) => names.slice(0, index + 1).join('/'))
  const prefix = `${path}/`
  const row: Row | undefined = await trx(table)
    .where({ uid, type })
    .where((either) => {
      either
        .whereIn('path', folders)
        .orWhereRaw('substr(path, 1, ?) = ?', [Array.from(prefix).length, prefix])
    })
    .first('path')
  return row !== undefined
}

async function isFull(trx: Knex.Transaction, uid: string, entry: LibraryEntry): Promise<boolean> {
  const { type, path, meta, body } = entry
  const row: Row | undefined = await trx(table)
    .where({ uid })
    .whereNot((same) => same.where({ type, path }))
    .first(trx.raw('count(*) as entries'), trx.raw('sum(octet_length(meta) + octet_length(body)) as bytes'))
  const bytes = Number(row?.['bytes'] ?? 0) + Buffer.byteLength(meta) + Buffer.byteLength(body)
  return Number(row?.['entries']) >= most.entries || bytes > most.bytes
}
