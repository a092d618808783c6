import { configuredChanges, declaredChanges, driftedFields } from './diff-fields.ts'
import { specFields } from './spec-fields.ts'
import type { Applied, InventoryEntry } from '../model/inventory.ts'
import type { Observation } from '../model/observed-state.ts'
import type { Action, ActionKind, Change, DriverTraits, Effect, EffectRule } from '../model/plan.ts'
import type { ResolvedInstance } from '../model/resource.ts'

const effectOf: { readonly [kind in ActionKind]: Effect } = {
  create: 'created',
  update: 'nothing',
  restart: 'flows restart',
  replace: 'replaced',
  start: 'started',
  stop: 'stopped',
  delete: 'gone',
  adopt: 'nothing',
  rename: 'nothing',
}

type Present = Extract<Observation, { kind: 'present' }>

/** What brings one declared instance about, given what was applied and what was seen; nothing when all is as it should. */
export function planExisting(
  desired: ResolvedInstance,
  entry: InventoryEntry,
  seen: Present,
  { effects, configured }: DriverTraits,
): Action | undefined {
  if (entry.applied === undefined) return planCreation(desired, entry, 'unfinished')
  const changes = [
    ...changesSince(entry.applied, desired),
    ...configuredChanges(entry.applied.configured ?? {}, configured),
    ...driftedFields(entry.applied.expected, seen.fields).filter(
      ({ path }) => path !== 'flows' || !declaresWhatRuns(desired, seen),
    ),
  ]
  const renamed = entry.name !== desired.name
  if (changes.length === 0 && !renamed) return undefined
  const felt = declaresWhatRuns(desired, seen)
    ? changes.filter(({ path }) => path !== 'flows.digest')
    : changes
  const kind = changes.length === 0 ? 'rename' : kindOf(desired, entry.applied, felt, effects)
  return {
    kind,
    target: {
      name: desired.name,
      uid: entry.uid,
      driver: desired.driver,
      ...(renamed ? { previously: entry.name } : {}),
    },
    cause: causeOf(changes, renamed),
    reason: reasonOf(changes, renamed),
    effect: effectOf[kind],
    changes,
  }
}

/** The first step of a new instance, of one whose creation was cut short, or of one that vanished. */
export function planCreation(
  desired: ResolvedInstance,
  entry: InventoryEntry | undefined,
  reason: 'declared' | 'unfinished' | 'missing',
): Action {
  const { access: _, ...visible } = desired
  const changes = declaredChanges({}, specFields({ ...visible, access: {} }))
  return {
    kind: 'create',
    target: {
      name: desired.name,
      driver: desired.driver,
      ...(entry === undefined ? {} : { uid: entry.uid }),
      ...(entry === undefined || entry.name === desired.name ? {} : { previously: entry.name }),
    },
    cause: reason === 'missing' ? 'drift' : 'change',
    reason,
    effect: effectOf.create,
    changes: reason === 'missing' ? [] : [...changes],
  }
}

/** An object of this fleet that no inventory names, and whose name is declared: it is entered, then made right. */
export function planAdoption(desired: ResolvedInstance, seen: Present): Action {
  return {
    kind: 'adopt',
    target: { name: desired.name, uid: seen.uid, driver: desired.driver },
    cause: 'drift',
    reason: 'unowned',
    effect: effectOf.adopt,
    changes: [],
  }
}

/** The end of an instance that Git no longer names, or of an object of ours that nothing names. */
export function planDeletion(target: Action['target'], reason: 'undeclared' | 'unowned'): Action {
  return {
    kind: 'delete',
    target,
    cause: reason === 'undeclared' ? 'change' : 'drift',
    reason,
    effect: effectOf.delete,
    changes: [],
  }
}

/** The end of rights that Git has taken away, and of nothing else. `left`: what was applied without them. */
export function planWithdrawal(
  left: ResolvedInstance,
  { name, uid }: InventoryEntry,
  applied: Applied,
): Action {
  return {
    kind: 'update',
    target: { name, uid, driver: left.driver },
    cause: 'change',
    reason: 'spec-changed',
    effect: effectOf.update,
    changes: changesSince(applied, left).filter(({ path }) => path.startsWith('access.')),
  }
}

/** Whether Git takes over what was deployed in the editor: that is no drift any more, and nothing has to restart for it. */
function declaresWhatRuns({ flows }: ResolvedInstance, { fields }: Present): boolean {
  return flows !== undefined && fields['flows'] === flows.digest
}

interface Compared {
  readonly desired: ResolvedInstance
  readonly changes: readonly Change[]
}

const compared = new WeakMap<Applied, Compared>()

/** What is declared against what was applied. Most of a fleet is as it was a round ago, and then so is the answer. */
function changesSince(applied: Applied, desired: ResolvedInstance): readonly Change[] {
  const before = compared.get(applied)
  if (before?.desired === desired) return before.changes
  const changes = declaredChanges(specFields(applied.spec), specFields(desired))
  compared.set(applied, { desired, changes })
  return changes
}

function kindOf(
  desired: ResolvedInstance,
  applied: Applied,
  changes: readonly Change[],
  rules: readonly EffectRule[],
): ActionKind {
  if (desired.state === 'stopped') {
    const wasStopped = applied.spec.state === 'stopped' && !changes.some(isStateDrift)
    return wasStopped ? 'update' : 'stop'
  }
  if (applied.spec.state === 'stopped' || changes.some(isStateDrift)) return 'start'
  const kinds = changes.map(({ path }) => ruleFor(path, rules))
  if (kinds.includes('replace')) return 'replace'
  return kinds.includes('restart') ? 'restart' : 'update'
}

function isStateDrift({ path, cause }: Change): boolean {
  return path === 'state' && cause === 'drift'
}

/** The longest rule that is the path or a parent of it. */
function ruleFor(path: string, rules: readonly EffectRule[]): EffectRule['kind'] {
  const matching = rules.filter(
    (rule) => rule.path === '' || path === rule.path || path.startsWith(`${rule.path}.`),
  )
  const best = matching.toSorted((a, b) => b.path.length - a.path.length)[0]
  return best?.kind ?? 'replace'
}

function causeOf(changes: readonly Change[], renamed: boolean): Action['cause'] {
  const drift = changes.some(({ cause }) => cause === 'drift')
  if (!drift) return 'change'
  return renamed || changes.some(({ cause }) => cause === 'change') ? 'change and drift' : 'drift'
}

function reasonOf(changes: readonly Change[], renamed: boolean): Action['reason'] {
  const changed = changes.some(({ cause }) => cause === 'change')
  if (renamed) return changed ? 'renamed-and-changed' : 'renamed'
  return changed ? 'spec-changed' : 'drifted'
}
