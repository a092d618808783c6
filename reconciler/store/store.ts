import type { AuditEntry, AuditFact, AuditFilter, Origin } from '../model/audit.ts'
import type { AuditRow } from '../model/audit-chain.ts'
import type { FailureCount, FoundRecord, IdentityRecord } from '../model/identity-record.ts'
import type { SealedKey } from '../model/credential-keys.ts'
import type { Applied, InventoryEntry } from '../model/inventory.ts'
import type {
  DocumentKind,
  DocumentWrite,
  FlowsSaved,
  FlowsWrite,
  LibraryEntry,
  LibraryFolder,
  LibrarySaved,
  SetAside,
  StoredFlows,
} from '../model/instance-storage.ts'
import type { ActionKind } from '../model/plan.ts'
import type { DriverName, ResolvedInstance } from '../model/resource.ts'
import type { StatusRecord } from '../model/status-record.ts'

/** One step of an apply, written before it is taken and closed after. */
export interface JournalEntry {
  readonly id: number
  readonly planId: string
  readonly revision: string
  readonly uid: string
  readonly name: string
  readonly action: ActionKind
  /** RFC 3339. */
  readonly startedAt: string
  readonly endedAt?: string
  readonly outcome?: 'applied' | 'failed' | 'interrupted'
  readonly error?: string
}

/** One round of the loop that did something, or failed to. */
export interface ReconciliationRecord {
  readonly id: number
  readonly planId: string
  readonly revision: string
  readonly author?: string
  readonly subject?: string
  readonly cause: string
  readonly startedAt: string
  readonly endedAt: string
  readonly outcome: 'converged' | 'failed' | 'refused'
  readonly headline: string
}

/** The step of a plan that a write is a part of. */
export interface Step extends Origin {
  readonly planId: string
  readonly revision: string
  /** RFC 3339. */
  readonly at: string
}

/** `spec` is absent where no step is under way, or one that leaves the settings as they are. */
export interface Announced {
  readonly entry: InventoryEntry
  readonly spec?: ResolvedInstance
}

export interface Page {
  /** At most this many, newest first. */
  readonly limit: number
  /** Only entries with a smaller id. */
  readonly before?: number
}

/** What an instance is given before it is created. */
export interface AllotRequest {
  readonly uid: string
  readonly name: string
  readonly driver: DriverName
  readonly port?: number
  readonly firstPort?: number
  /** Ports that must not be given away: declared by others. */
  readonly reserved?: ReadonlySet<number>
  /** A second port, this many above the first, that the instance takes as well: a launcher's admin port. */
  readonly companion?: number
  readonly tokenSha256: string
}

/** What an instance's editor keeps, by the instance's uid. It is gone when the instance is forgotten. */
export interface InstanceStorage {
  flows(uid: string): Promise<StoredFlows | undefined>
  /**
   * Saves flows and credentials together, or neither: only where the revision in the store is the one that the writer
   * started from. What stands there already is saved, so that a writer may try again.
   */
  saveFlows(uid: string, write: FlowsWrite): Promise<FlowsSaved>
  /**
   * What was set aside when flows that Git declares took the place of others, in the same transaction; newest first. All of
   * an editor that owned its flows, and the last ten deploys over declared flows.
   */
  flowsSetAside(uid: string): Promise<readonly SetAside[]>
  /** Node-RED's own settings, or its sessions: a JSON text. */
  document(uid: string, kind: DocumentKind): Promise<string | undefined>
  /** Whether it stands there now: only where the writer started from what the store had. */
  saveDocument(uid: string, kind: DocumentKind, write: DocumentWrite): Promise<boolean>
  libraryEntry(uid: string, type: string, path: string): Promise<LibraryEntry | undefined>
  /** `folder`: `''` is all of a type. */
  library(uid: string, type: string, folder: string): Promise<LibraryFolder>
  saveLibraryEntry(uid: string, entry: LibraryEntry): Promise<LibrarySaved>
}

/** What the identity door remembers, and failed sign-ins. Times are milliseconds since 1970. */
export interface IdentityStore {
  identityRecord(kind: string, id: string, now: number): Promise<FoundRecord | undefined>
  /** By the lasting name of the session that it is of. */
  identityRecordOfSession(kind: string, session: string, now: number): Promise<FoundRecord | undefined>
  /** Replaces one of the same kind and id, but for whether it was consumed. */
  saveIdentityRecord(record: IdentityRecord): Promise<void>
  /** Whether it was there, and not consumed before: of many at once one is told so. */
  consumeIdentityRecord(kind: string, id: string, now: number): Promise<boolean>
  /** Whether it was there. */
  removeIdentityRecord(kind: string, id: string): Promise<boolean>
  /** Removes everything that hangs on the grant. */
  revokeGrant(grant: string): Promise<void>
  removeExpiredIdentity(now: number): Promise<void>
  signInFailures(key: string, now: number): Promise<FailureCount | undefined>
  /** Counts up or down in the present window, or in a new one of `window` milliseconds. Returns what stands there then. */
  countSignInFailure(change: {
    readonly key: string
    readonly by: 1 | -1
    readonly now: number
    readonly window: number
  }): Promise<FailureCount>
}

/** The keys that instances' credentials are and were encrypted with. They go when the instance is forgotten. */
export interface CredentialKeyStore {
  /** Of all instances, in no order. */
  credentialKeys(): Promise<readonly SealedKey[]>
  /** Keeps them, all or none. One that is kept already stays as it is. */
  keepCredentialKeys(keys: readonly SealedKey[]): Promise<void>
}

/** What must survive. One writer at a time; every method is one transaction. */
export interface Store extends InstanceStorage, IdentityStore, CredentialKeyStore, AsyncDisposable {
  /** This fleet's own id, made once. */
  readonly fleet: string

  /** Why nothing can be written at the moment, where that is known. */
  trouble(): StoreError | undefined

  inventory(): Promise<readonly InventoryEntry[]>
  /**
   * Gives an instance its identity, before anything is created for it. A name that has one keeps all of it: uid, port
   * and token; the answer's `uid` tells. With `firstPort` the entry gets `port`, or the lowest free port from
   * `firstPort` up where it is absent.
   * @throws StoreError `port-taken` when `port` is another instance's, or no port is free.
   */
  allot(request: AllotRequest): Promise<InventoryEntry>
  /**
   * Enters an object that carries this fleet's id but stood in no inventory. A second time is the same as once.
   * @throws StoreError `port-taken` or `name-taken` when another instance has it.
   */
  adopt(entry: Omit<InventoryEntry, 'applied'> & { readonly tokenSha256: string }): Promise<void>
  /** @throws StoreError `port-taken`. */
  setPort(uid: string, port: number): Promise<void>
  /** Replaces the token an instance proves itself with. */
  setToken(uid: string, tokenSha256: string): Promise<void>
  /** @throws StoreError `name-taken`. */
  rename(uid: string, name: string): Promise<void>
  /** Whose access changes by it is told in the audit trail. */
  saveApplied(uid: string, applied: Applied, step?: Step): Promise<void>
  /** Forgets an instance that is gone; who could get at it is told in the audit trail, which keeps what it has of it. */
  forget(uid: string, step?: Step): Promise<void>

  /** The instance whose runtime token has this SHA-256. */
  findByToken(tokenSha256: string): Promise<InventoryEntry | undefined>
  /** An instance, and what the step that is under way there brings about. */
  announced(uid: string): Promise<Announced | undefined>

  /** `spec`: what it brings about, for the time until it ends. */
  beginAction(
    entry: Pick<JournalEntry, 'planId' | 'revision' | 'uid' | 'name' | 'action' | 'startedAt'>,
    origin?: Origin,
    spec?: ResolvedInstance,
  ): Promise<number>
  /** Closes a step, once, and tells its end in the audit trail. */
  endAction(
    id: number,
    end: { readonly endedAt: string; readonly outcome: 'applied' | 'failed'; readonly error?: string },
  ): Promise<void>
  /** Closes what a killed process left open, as interrupted, tells that in the audit trail, and returns it. */
  closeInterrupted(endedAt: string): Promise<readonly JournalEntry[]>
  journal(page: Page & { readonly name?: string }): Promise<readonly JournalEntry[]>

  /** A plan that was refused is told in the audit trail, with the reasons. */
  addReconciliation(record: Omit<ReconciliationRecord, 'id'>, refusals?: readonly string[]): Promise<void>
  reconciliations(page: Page): Promise<readonly ReconciliationRecord[]>

  /** Puts facts at the end of the audit trail, in order; those whose key it knows are left out. Returns the others. */
  appendAudit(facts: readonly AuditFact[]): Promise<readonly AuditEntry[]>
  audit(page: Page & AuditFilter): Promise<readonly AuditEntry[]>
  /** The rows of the audit trail as they stand there, oldest first, for a proof or an export. */
  auditRows(): AsyncIterable<AuditRow>

  statuses(): Promise<readonly StatusRecord[]>
  /** Writes the given records and removes those of `gone`. */
  saveStatuses(
    changed: readonly StatusRecord[],
    gone: readonly { readonly kind: StatusRecord['kind']; readonly name: string }[],
  ): Promise<void>
}

/**
 * The store cannot be used (damaged, written by a newer version, held by another process, out of reach), or refuses
 * what would give two instances the same port or name.
 */
export class StoreError extends Error {
  readonly code:
    | 'store-corrupt'
    | 'store-newer'
    | 'store-locked'
    | 'store-unreachable'
    | 'store-moved'
    | 'store-not-empty'
    | 'move-failed'
    | 'port-taken'
    | 'name-taken'
  readonly remedy: string

  constructor(code: StoreError['code'], message: string, remedy: string, options: { cause?: unknown } = {}) {
    super(message, options)
    this.name = 'StoreError'
    this.code = code
    this.remedy = remedy
  }
}

export function newerStore(store: string, unknown: readonly string[]): StoreError {
  return new StoreError(
    'store-newer',
    `The store ${store} was written by a newer version (it has ${unknown.join(', ')}).`,
    'Run that version or a newer one, or restore a backup from before the upgrade.',
  )
}

/** `reader`: what finds it so, and only reads. */
export function olderStore(store: string, reader: 'a dry run' | 'a move'): StoreError {
  return new StoreError(
    'store-unreachable',
    `The store ${store} was written by an older version, and ${reader} does not change it.`,
    'Start the reconciler of this version once; it brings the store up to date.',
  )
}
