import type { Knex } from 'knex'
import { auditTable } from './audit-table.ts'
import type { Database } from './database.ts'
import { identityTable } from './identity-table.ts'
import { credentialKeyTable } from './credential-key-table.ts'
import { instanceTable } from './instance-table.ts'
import { journalTable } from './journal-table.ts'
import { reconciliationTable } from './reconciliation-table.ts'
import { statusTable } from './status-table.ts'
import { storageTable } from './storage-table.ts'
import type { CredentialKeyStore, IdentityStore, InstanceStorage, Store } from './store.ts'

/** What differs between engines: how to close, and what their errors mean. */
export interface KnexStoreOptions extends Database {
  readonly fleet: string
  readonly trouble?: Store['trouble']
  readonly close: () => Promise<void>
  /** Turns an error of the engine into a StoreError; hands back what is none of its own. */
  readonly explain: (error: unknown) => unknown
}

/** The store over a database that is open and has the present schema. Holds no SQL of any one engine. */
export function createKnexStore(options: KnexStoreOptions): Store {
  const { fleet, close, explain } = options
  const instances = instanceTable(options)
  const journal = journalTable(options)
  const reconciliations = reconciliationTable(options)
  const statuses = statusTable(options)
  const audit = auditTable(options)

  const explained = createExplained(explain)

  return {
    fleet,
    trouble: options.trouble ?? (() => undefined),
    inventory: explained(instances.inventory),
    allot: explained(instances.allot),
    adopt: explained(instances.adopt),
    setPort: explained(instances.setPort),
    setToken: explained(instances.setToken),
    rename: explained(instances.rename),
    saveApplied: explained(instances.saveApplied),
    forget: explained(instances.forget),
    findByToken: explained(instances.findByToken),
    announced: explained(instances.announced),
    beginAction: explained(journal.beginAction),
    endAction: explained(journal.endAction),
    closeInterrupted: explained(journal.closeInterrupted),
    journal: explained(journal.journal),
    addReconciliation: explained(reconciliations.addReconciliation),
    reconciliations: explained(reconciliations.reconciliations),
    appendAudit: explained(audit.appendAudit),
    audit: explained(audit.audit),
    auditRows: () => explainedEach(audit.auditRows(), explain),
    statuses: explained(statuses.statuses),
    saveStatuses: explained(statuses.saveStatuses),
    ...whatInstancesKeep(options, explained),
    ...whatTheDoorKeeps(options, explained),
    [Symbol.asyncDispose]: close,
  }
}

function whatInstancesKeep(database: Database, explained: Explained): InstanceStorage & CredentialKeyStore {
  const storage = storageTable(database)
  const keys = credentialKeyTable(database)
  return {
    flows: explained(storage.flows),
    saveFlows: explained(storage.saveFlows),
    flowsSetAside: explained(storage.flowsSetAside),
    document: explained(storage.document),
    saveDocument: explained(storage.saveDocument),
    libraryEntry: explained(storage.libraryEntry),
    library: explained(storage.library),
    saveLibraryEntry: explained(storage.saveLibraryEntry),
    credentialKeys: explained(keys.credentialKeys),
    keepCredentialKeys: explained(keys.keepCredentialKeys),
  }
}

function whatTheDoorKeeps(database: Database, explained: Explained): IdentityStore {
  const identity = identityTable(database)
  return {
    identityRecord: explained(identity.identityRecord),
    identityRecordOfSession: explained(identity.identityRecordOfSession),
    saveIdentityRecord: explained(identity.saveIdentityRecord),
    consumeIdentityRecord: explained(identity.consumeIdentityRecord),
    removeIdentityRecord: explained(identity.removeIdentityRecord),
    revokeGrant: explained(identity.revokeGrant),
    removeExpiredIdentity: explained(identity.removeExpiredIdentity),
    signInFailures: explained(identity.signInFailures),
    countSignInFailure: explained(identity.countSignInFailure),
  }
}

type Explained = ReturnType<typeof createExplained>

function createExplained(explain: KnexStoreOptions['explain']) {
  return <A extends readonly unknown[], R>(run: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      try {
        return await run(...args)
      } catch (error) {
        throw explain(error)
      }
    }
}

async function* explainedEach<T>(
  values: AsyncIterable<T>,
  explain: (error: unknown) => unknown,
): AsyncGenerator<T> {
  try {
    yield* values
  } catch (error) {
    throw explain(error)
  }
}

/** This fleet's id: the one the database holds, else `make()`, remembered. */
export async function fleetId(db: Knex, make: () => string): Promise<string> {
  return db.transaction(async (trx) => {
    const row: { readonly id: unknown } | undefined = await trx('fleet').first('id')
    if (row) return String(row.id)
    const id = make()
    await trx('fleet').insert({ id })
    return id
  })
}
