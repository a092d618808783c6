import { accessChanges } from '../model/access-changes.ts'
import type { AuditFact, Origin } from '../model/audit.ts'
import type { SetAside } from '../model/instance-storage.ts'
import type { Applied } from '../model/inventory.ts'
import type { JournalEntry, ReconciliationRecord, Step } from './store.ts'

/** The end of a step. A row of the journal ends once, so that its number makes the fact one. */
export function endOfAction(entry: JournalEntry, origin: Origin): AuditFact {
  const { id, uid, name, planId, revision, action, endedAt = entry.startedAt, outcome, error } = entry
  return {
    ...origin,
    at: endedAt,
    event: 'action',
    key: `action/${id}`,
    uid,
    instance: name,
    planId,
    revision,
    action,
    ...(outcome === undefined ? {} : { outcome }),
    ...(error === undefined ? {} : { message: error }),
  }
}

/** Who gained or lost what on an instance, by role. Nobody, where a killed process had come as far as this already. */
export function changesOfAccess(
  { uid, name }: { readonly uid: string; readonly name: string },
  { before, after }: { readonly before: Applied | undefined; readonly after: Applied | undefined },
  step: Step,
): readonly AuditFact[] {
  const changes = accessChanges(name, before?.spec.access ?? {}, after?.spec.access ?? {})
  return changes.map(({ user, instance, from, to }) => ({
    ...step,
    event: 'access',
    uid,
    instance,
    user,
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
  }))
}

/** That flows which were set aside are gone for good. What was deployed is told by its revision, with who deployed it. */
export function setAsideRemoved(
  { uid, name }: { readonly uid: string; readonly name: string },
  { id, revision, savedAt, savedBy }: Pick<SetAside, 'id' | 'revision' | 'savedAt' | 'savedBy'>,
  at: string,
): AuditFact {
  return {
    at,
    event: 'set-aside-removed',
    key: `set-aside-removed/${uid}/${id}`,
    uid,
    instance: name,
    flowsBefore: revision,
    target: String(id),
    message: `saved ${savedAt}`,
    ...(savedBy === undefined ? {} : { user: savedBy }),
  }
}

/** That a plan was refused: the same plan of the same revision is refused once, however often it is made again. */
export function refusalOfPlan(
  record: Omit<ReconciliationRecord, 'id'>,
  refusals: readonly string[],
): AuditFact {
  const { planId, revision, author, subject, endedAt, headline } = record
  return {
    at: endedAt,
    event: 'plan-refused',
    key: `plan-refused/${revision}/${planId}`,
    planId,
    revision,
    outcome: 'refused',
    message: [...refusals, headline].join('; '),
    ...(author === undefined ? {} : { author }),
    ...(subject === undefined ? {} : { subject }),
  }
}
