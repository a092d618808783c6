import type { Knex } from 'knex'
import type { Applied, InventoryEntry } from '../model/inventory.ts'
import { changesOfAccess } from './audit-facts.ts'
import { appendFacts } from './audit-table.ts'
import type { Database } from './database.ts'
import { lowestFreePort } from './free-port.ts'
import { inOrder, keepInventory, type ReadEntries } from './kept-inventory.ts'
import { toInventoryEntry, toSpec, type Row } from './rows.ts'
import { StoreError, type AllotRequest, type Announced, type Step, type Store } from './store.ts'

type InstanceTable = Pick<
  Store,
  | 'inventory'
  | 'allot'
  | 'adopt'
  | 'setPort'
  | 'setToken'
  | 'rename'
  | 'saveApplied'
  | 'forget'
  | 'findByToken'
  | 'announced'
>

const columns = ['uid', 'name', 'driver', 'port', 'applied'] as const

/** Who is ours: identities, ports, tokens, and what was last applied. */
export function instanceTable({ db, inTurn, soleWriter }: Database): InstanceTable {
  const read: ReadEntries = async (uids) => {
    const query = db('instances').select(columns)
    const rows: Row[] = await (uids === undefined ? query : query.whereIn('uid', [...uids]))
    return rows.map(toInventoryEntry)
  }
  const kept = keepInventory(read)
  return {
    inventory: async () => (soleWriter ? kept.inventory() : inOrder(await read())),

    allot: async (request) =>
      kept.changing(request.uid, async () => inTurn(async (trx) => allot(trx, request))),

    adopt: async (entry) =>
      kept.changing(entry.uid, async () =>
        inTurn(async (trx) => {
          await refuseTakenName(trx, entry.uid, entry.name)
          if (entry.port !== undefined) await refuseTakenPort(trx, entry.uid, entry.port)
          await trx('instances').insert(toRow(entry)).onConflict('uid').merge()
        }),
      ),

    setPort: async (uid, port) =>
      kept.changing(uid, async () =>
        inTurn(async (trx) => {
          await refuseTakenPort(trx, uid, port)
          await trx('instances').where({ uid }).update({ port })
        }),
      ),

    async setToken(uid, tokenSha256) {
      await inTurn(async (trx) => trx('instances').where({ uid }).update({ token_sha256: tokenSha256 }))
    },

    rename: async (uid, name) =>
      kept.changing(uid, async () =>
        inTurn(async (trx) => {
          await refuseTakenName(trx, uid, name)
          await trx('instances').where({ uid }).update({ name })
        }),
      ),

    saveApplied: async (uid, applied, step) =>
      kept.changing(uid, async () =>
        inTurn(async (trx) => {
          await tellAccess(trx, uid, applied, step)
          await trx('instances')
            .where({ uid })
            .update({ applied: JSON.stringify(applied) })
        }),
      ),

    forget: async (uid, step) =>
      kept.changing(uid, async () =>
        inTurn(async (trx) => {
          await tellAccess(trx, uid, undefined, step)
          await trx('instances').where({ uid }).delete()
        }),
      ),

    findByToken: async (tokenSha256) => findOne(db, { token_sha256: tokenSha256 }),

    announced: async (uid) => announced(db, uid),
  }
}

async function announced(db: Knex, uid: string): Promise<Announced | undefined> {
  const step: Row | undefined = await db('journal')
    .where({ uid })
    .whereNull('outcome')
    .whereNotNull('spec')
    .orderBy('id', 'desc')
    .first('spec')
  // read after it: what the step saved when it ended meanwhile is seen here
  const entry = await findOne(db, { uid })
  if (entry === undefined) return undefined
  return step === undefined ? { entry } : { entry, spec: toSpec(step) }
}

async function allot(trx: Knex.Transaction, request: AllotRequest): Promise<InventoryEntry> {
  const kept = await findOne(trx, { name: request.name })
  if (kept) return kept
  const port = await choosePort(trx, request)
  const entry: InventoryEntry = {
    uid: request.uid,
    name: request.name,
    driver: request.driver,
    ...(port === undefined ? {} : { port }),
  }
  await trx('instances').insert(toRow({ ...entry, tokenSha256: request.tokenSha256 }))
  return entry
}

/**
 * Told from what the row holds and will hold, in the transaction that writes it: whatever was cut short before and is done
 * again, each change of somebody's access is told once.
 */
async function tellAccess(
  trx: Knex.Transaction,
  uid: string,
  after: Applied | undefined,
  step: Step | undefined,
): Promise<void> {
  if (step === undefined) return
  const entry = await findOne(trx, { uid })
  if (entry !== undefined)
    await appendFacts(trx, changesOfAccess(entry, { before: entry.applied, after }, step))
}

async function choosePort(trx: Knex.Transaction, request: AllotRequest): Promise<number | undefined> {
  if (request.port !== undefined) {
    await refuseTakenPort(trx, request.uid, request.port)
    return request.port
  }
  if (request.firstPort === undefined) return undefined
  const rows: Row[] = await trx('instances').whereNotNull('port').select('port')
  const port = lowestFreePort({
    first: request.firstPort,
    taken: new Set(rows.map((row) => Number(row['port']))),
    reserved: request.reserved ?? new Set(),
    companion: request.companion ?? 0,
  })
  if (port !== undefined) return port
  throw new StoreError(
    'port-taken',
    `No port is free from ${request.firstPort} up.`,
    'Choose a lower localfs.firstPort.',
  )
}

async function findOne(db: Knex, where: Row): Promise<InventoryEntry | undefined> {
  const row: Row | undefined = await db('instances').where(where).first(columns)
  return row && toInventoryEntry(row)
}

async function refuseTakenPort(trx: Knex.Transaction, uid: string, port: number): Promise<void> {
  const holder = await findOne(trx, { port })
  if (!holder || holder.uid === uid) return
  throw new StoreError(
    'port-taken',
    `Port ${port} belongs to the instance ${holder.name}.`,
    `Declare another port, or give ${holder.name} another one first.`,
  )
}

async function refuseTakenName(trx: Knex.Transaction, uid: string, name: string): Promise<void> {
  const holder = await findOne(trx, { name })
  if (!holder || holder.uid === uid) return
  throw new StoreError(
    'name-taken',
    `The name ${name} belongs to another instance (uid ${holder.uid}).`,
    'Use another name, or wait until that instance is gone.',
  )
}

function toRow(entry: InventoryEntry & { readonly tokenSha256: string }): Row {
  return {
    uid: entry.uid,
    name: entry.name,
    driver: entry.driver,
    port: entry.port ?? null,
    token_sha256: entry.tokenSha256,
  }
}
