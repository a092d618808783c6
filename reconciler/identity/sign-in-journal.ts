import { defined } from '../model/defined.ts'
import type { AuditFact } from '../model/audit.ts'
import type { Store } from '../store/store.ts'
import type { Directory } from './directory.ts'

/** Something that happened at the identity door. */
export interface SignInEvent {
  readonly event: 'sign-in' | 'sign-in-refused' | 'access-refused' | 'sign-out'
  /** As it was typed. Only a declared name is told: people type passwords where a name belongs. */
  readonly user: string | undefined
  /** What was signed in to. */
  readonly clientId: string | undefined
  /** How, or why not, for a person. */
  readonly message: string
  readonly address: string
}

export type TellSignIn = (event: SignInEvent) => Promise<void>

/** Tells the audit trail who signed in and who was refused. */
export function createSignInJournal(deps: {
  readonly store: Pick<Store, 'appendAudit'>
  readonly directory: Directory
  readonly clock: { now(): Date }
}): TellSignIn {
  return async ({ event, user, clientId, message, address }) => {
    const entry = clientId === undefined ? undefined : deps.directory.instance(clientId)
    const known = user !== undefined && deps.directory.people()?.users.has(user) === true
    const fact: AuditFact = {
      at: deps.clock.now().toISOString(),
      event,
      ...defined({ uid: entry?.uid, instance: entry?.name, user: known ? user : undefined }),
      message: `${message}, from ${address}`,
    }
    await deps.store.appendAudit([fact])
  }
}
