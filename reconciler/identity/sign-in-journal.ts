import { defined } from '../model/defined.ts'
import type { AuditFact } from '../model/audit.ts'
import type { Store } from '../store/store.ts'
import type { Directory } from './directory.ts'
import { networkOf } from './network.ts'
import { createRefusalFold, defaultRefusalAllowance, type RefusalAllowance } from './refusal-fold.ts'

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

export interface SignInJournal {
  /** A refusal that is like an earlier one is counted only. */
  tell(event: SignInEvent): Promise<void>
  /**
   * Tells what was counted only, when its hour is over; `all`: at once. What the store does not take is told the next time.
   * One at a time.
   */
  settle(all?: boolean): Promise<void>
}

export interface SignInJournalDeps {
  readonly store: Pick<Store, 'appendAudit'>
  readonly directory: Directory
  readonly clock: { now(): Date }
  /** Default: 100 an hour. */
  readonly refusals?: RefusalAllowance
}

/** Tells the audit trail, which keeps everything for ever, who signed in and who was refused. */
export function createSignInJournal(deps: SignInJournalDeps): SignInJournal {
  const { store, clock } = deps
  const fold = createRefusalFold(deps.refusals ?? defaultRefusalAllowance)
  let owed: readonly AuditFact[] = []
  return {
    async tell(event) {
      const fact = factOf(event, deps)
      const like = JSON.stringify([fact.uid, event.message, networkOf(event.address)])
      const refused = event.event === 'sign-in-refused' || event.event === 'access-refused'
      if (refused && !fold.take(fact, like, clock.now())) return
      try {
        await store.appendAudit([fact])
      } catch (error) {
        fold.forget(fact, like)
        throw error
      }
    },
    async settle(all) {
      owed = [...owed, ...fold.ended(clock.now(), all)]
      if (owed.length > 0) await store.appendAudit(owed)
      owed = []
    },
  }
}

function factOf(
  { event, user, clientId, message, address }: SignInEvent,
  { directory, clock }: SignInJournalDeps,
): AuditFact {
  const entry = clientId === undefined ? undefined : directory.instance(clientId)
  const known = user !== undefined && directory.people()?.users.has(user) === true
  return {
    at: clock.now().toISOString(),
    event,
    ...defined({ uid: entry?.uid, instance: entry?.name, user: known ? user : undefined }),
    message: `${message}, from ${address}`,
  }
}
