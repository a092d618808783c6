import { flowsText } from './flows-text.ts'
import type { Terminal } from './terminal.ts'
import type { CredentialKeys } from '../control/credential-keys.ts'
import { isEncryptedCredentials, type EncryptedCredentials } from '../model/encrypted-credentials.ts'
import type { StoredFlows } from '../model/instance-storage.ts'
import type { InventoryEntry } from '../model/inventory.ts'
import type { Json } from '../model/json.ts'
import type { ResolvedInstance } from '../model/resource.ts'
import { Secret } from '../model/secret.ts'
import { plainText } from '../plan/plain-text.ts'
import { decryptCredentials, encryptCredentials } from '../secrets/node-credentials.ts'
import type { SecretReader } from '../secrets/secret-folder.ts'
import type { Store } from '../store/store.ts'

/** What an export reads. Nothing of it writes. */
export interface FlowsReading {
  readonly store: Pick<Store, 'inventory' | 'flows' | 'flowsSetAside'>
  /** Opened only where credentials are asked for. */
  readonly keys: () => Promise<Pick<CredentialKeys, 'inForce' | 'all'>>
  readonly secrets: SecretReader
  /** How many deploys of an instance wait on this machine for the store. */
  readonly waiting: (uid: string) => Promise<number>
  readonly randomBytes: (size: number) => Uint8Array
}

export interface ExportRequest {
  readonly instance: string
  readonly credentials: boolean
  /** What to encrypt them with, where not with the key in force: a declared secret by name, or the instance's own key. */
  readonly key?: { readonly secret: string } | 'own'
  /** The number of flows that were set aside. */
  readonly kept?: number
}

interface Deps {
  readonly terminal: Terminal
  readonly signal: AbortSignal
}

/** Something that a person can mend: it is told without a stack. */
class ExportRefusal extends Error {}

/** Prints the flows of an instance, or their credentials. Returns the exit code: 1 where there is nothing to print. */
export async function exportFlows(
  reading: FlowsReading,
  request: ExportRequest,
  deps: Deps,
): Promise<number> {
  return refusing(deps.terminal, async () => {
    const entry = await entryOf(reading, request.instance)
    const flows = await flowsOf(reading, entry, request.kept)
    if (request.kept === undefined) await warnOfWaiting(reading, entry, deps.terminal)
    deps.terminal.out(
      request.credentials
        ? `${JSON.stringify(await credentialsOf(reading, entry, { flows, ...request, ...deps }), null, 2)}\n`
        : flowsText(nodesOf(flows)),
    )
  })
}

/** Lists what was set aside, newest first. */
export async function listKept(reading: FlowsReading, instance: string, { terminal }: Deps): Promise<number> {
  return refusing(terminal, async () => {
    const entry = await entryOf(reading, instance)
    for (const one of await reading.store.flowsSetAside(entry.uid)) {
      const whose = one.origin === 'edit' ? 'deployed over declared flows' : "the editor's own"
      const by = one.savedBy === undefined ? '' : ` by ${plainText(one.savedBy)}`
      terminal.out(
        `${one.id}  ${nodesOf(one).length} nodes, ${whose}, saved ${one.savedAt}${by}, set aside ${one.setAsideAt}\n`,
      )
    }
  })
}

async function refusing({ err, paintErr }: Terminal, work: () => Promise<void>): Promise<number> {
  try {
    await work()
    return 0
  } catch (error) {
    if (!(error instanceof ExportRefusal)) throw error
    err(`${paintErr('red', 'error')}: ${plainText(error.message)}\n`)
    return 1
  }
}

async function entryOf({ store }: FlowsReading, name: string): Promise<InventoryEntry> {
  const entry = (await store.inventory()).find((one) => one.name === name)
  if (entry !== undefined) return entry
  throw new ExportRefusal(
    `the store knows no instance "${name}"; "reconcile status" lists them, and --data or --config names the store`,
  )
}

async function flowsOf(
  { store }: FlowsReading,
  { uid, name, applied }: InventoryEntry,
  kept: number | undefined,
): Promise<StoredFlows | undefined> {
  if (kept !== undefined) {
    const found = (await store.flowsSetAside(uid)).find(({ id }) => id === kept)
    if (found !== undefined) return { ...found, origin: found.origin }
    throw new ExportRefusal(
      `nothing with the number ${kept} was set aside for "${name}"; "reconcile flows kept ${name}" lists what was`,
    )
  }
  const flows = await store.flows(uid)
  // Without declared flows there are none where nothing was ever deployed.
  if (flows !== undefined || applied?.spec.flows === undefined) return flows
  throw new ExportRefusal(
    `the store has no flows of "${name}" yet: it brings them there when it starts; until then they are those of ${applied.spec.flows.path}`,
  )
}

function nodesOf(flows: Pick<StoredFlows, 'nodes'> | undefined): readonly Json[] {
  const parsed: unknown = flows === undefined ? [] : JSON.parse(flows.nodes)
  const nodes: readonly Json[] = Array.isArray(parsed) ? parsed : []
  return nodes
}

async function warnOfWaiting(
  { waiting }: FlowsReading,
  { uid, name }: InventoryEntry,
  { err, paintErr }: Terminal,
): Promise<void> {
  const count = await waiting(uid)
  if (count === 0) return
  err(
    `${paintErr('yellow', 'warning')}: ${count} deploys of "${plainText(name)}" wait on this machine until the reconciler takes them: what runs is newer\n`,
  )
}

interface Wanted extends Pick<ExportRequest, 'key'> {
  readonly flows: StoredFlows | undefined
  readonly signal: AbortSignal
}

/** As they stand in the store where they are under the key that is asked for; else encrypted anew. */
async function credentialsOf(
  reading: FlowsReading,
  { uid, name, applied }: InventoryEntry,
  { flows, key: wanted, signal }: Wanted,
): Promise<EncryptedCredentials> {
  const keys = await reading.keys()
  const key = await keyOf(reading, { keys, uid, spec: applied?.spec ?? {}, wanted, signal })
  if (key === undefined)
    throw new ExportRefusal(`"${name}" has no credential key yet: it is made when it is created`)
  const stored: unknown = JSON.parse(flows?.credentials ?? '{}')
  if (!isEncryptedCredentials(stored)) return encryptCredentials(plain(stored), key, reading.randomBytes(16))
  if (decryptCredentials(stored, key) !== undefined) return stored
  const opened = keys
    .all(uid)
    .map((earlier) => decryptCredentials(stored, earlier))
    .find((one) => one !== undefined)
  if (opened !== undefined) return encryptCredentials(opened, key, reading.randomBytes(16))
  throw new ExportRefusal(
    `the credentials of "${name}" cannot be decrypted with any key that the store keeps; enter them in the editor anew`,
  )
}

/** The key that is asked for; undefined where the instance has none yet. */
async function keyOf(
  reading: FlowsReading,
  {
    keys,
    uid,
    spec,
    wanted,
    signal,
  }: {
    readonly keys: Pick<CredentialKeys, 'inForce'>
    readonly uid: string
    readonly spec: Pick<ResolvedInstance, 'credentialSecret'>
    readonly wanted: ExportRequest['key']
    readonly signal: AbortSignal
  },
): Promise<Secret | undefined> {
  if (typeof wanted === 'object') return declared(reading, wanted.secret, signal)
  return keys.inForce(uid, wanted === 'own' ? {} : spec)
}

function plain(stored: unknown): Secret<object> {
  return new Secret(typeof stored === 'object' && stored !== null ? stored : {})
}

async function declared({ secrets }: FlowsReading, name: string, signal: AbortSignal): Promise<Secret> {
  const found = (await secrets.read(new Set([name]), signal)).get(name)
  if (found !== undefined) return found
  throw new ExportRefusal(
    `there is no secret "${name}"; add the file to the folder that \`secrets\` of the configuration names`,
  )
}
