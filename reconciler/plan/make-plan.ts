import { actionFor } from './action-for.ts'
import { doubtfulAccess } from './doubtful-access.ts'
import { keptInstances } from './kept-instances.ts'
import { compare, inOrder } from './order.ts'
import { planAdoption, planCreation, planDeletion } from './plan-instance.ts'
import type { PlanInput, Step } from './plan-input.ts'
import { planKept, planLosses } from './plan-kept.ts'
import { portProblems } from './port-problems.ts'
import { summarise } from './summary.ts'
import { accessChanges } from '../model/access-changes.ts'
import type { DesiredState } from '../model/desired-state.ts'
import { digestOf, type Digest } from '../model/digest.ts'
import { byName, type Inventory, type InventoryEntry } from '../model/inventory.ts'
import type { Observation, ObservedState } from '../model/observed-state.ts'
import type { AccessChange, Action, Plan, Problem } from '../model/plan.ts'
import type { ResolvedInstance } from '../model/resource.ts'

/**
 * What it takes to make what runs into what Git declares. Three-way: what was last applied against Git is change,
 * against what was seen is drift. Pure: the same inputs give the same plan with the same id.
 *
 * Nothing is deleted while something is unreadable or unseen: an instance whose declaration or state is not known is
 * held as it is.
 */
export function makePlan(input: PlanInput): Plan {
  const { desired, inventory } = input
  const matches = matchEntries(desired, inventory)
  const ports = portProblems(desired, inventory, matches)
  const obstructed = new Set([...input.blocked.keys(), ...ports.keys()])
  const changing = new Set([...matches].flatMap(([name, entry]) => (obstructed.has(name) ? [] : [entry])))
  const strays = [...input.observed.observations.values()].filter(({ uid }) => !inventory.has(uid))
  const declaring = { ...input, ports, strays }
  const declared = new Set(matches.values())
  const obstacles = [...obstructed].map((name) => matches.get(name)?.name ?? name)
  const steps = [
    ...[...desired.instances.values()].map((instance) =>
      planDeclared(instance, matches.get(instance.name), declaring),
    ),
    ...planKept(input, keptInstances(desired, inventory, obstacles), changing),
    ...planLosses(input, leftAsTheyAre(desired, declared)),
    ...planUndeclared(input, declared),
    ...planUnowned(declaring),
  ]
  const actions = inOrder(steps.flatMap((step) => (step.kind === 'action' ? [step.action] : [])))
  const access = steps.flatMap((step) => (step.kind === 'action' ? step.access : [])).toSorted(byInstance)
  const problems = [
    ...steps.flatMap((step) => (step.kind === 'held' ? [step.problem] : [])).toSorted(byTarget),
    ...damagedProblems(input).toSorted(byTarget),
    ...heldProblems(desired, inventory),
    ...doubtfulAccess(desired, inventory),
    ...unreachableProblems(input.observed),
  ]
  const unchanged = steps.filter(({ kind }) => kind === 'none').length
  const held = new Set(problems.flatMap(({ target }) => target ?? [])).size
  return {
    apiVersion: 'weir/v1',
    kind: 'Plan',
    id: idOf(actions, access),
    revision: desired.revision.id,
    complete: desired.complete && input.observed.unreachable.size === 0 && problems.length === 0,
    summary: summarise({ actions, access, unchanged, held }),
    actions,
    access,
    refusals: [],
    problems,
  }
}

function byInstance(a: AccessChange, b: AccessChange): number {
  return compare(a.instance, b.instance) || compare(a.user, b.user)
}

function byTarget(a: Problem, b: Problem): number {
  return compare(a.target ?? '', b.target ?? '') || compare(a.code, b.code)
}

/** Part by part: one canonical text of a plan for thousands of instances is tens of megabytes, and slow to put together. */
function idOf(actions: readonly Action[], access: readonly AccessChange[]): Digest {
  return digestOf({ actions: actions.map(digestOf), access: access.map(digestOf) })
}

/** Declared instances by name with the inventory entry that is theirs: by name, else by the name before a rename. */
function matchEntries(desired: DesiredState, inventory: Inventory): ReadonlyMap<string, InventoryEntry> {
  const entries = byName(inventory)
  const matches = new Map<string, InventoryEntry>()
  for (const name of desired.instances.keys()) {
    const previously = desired.renames.get(name)
    const entry = entries.get(name) ?? (previously === undefined ? undefined : entries.get(previously))
    if (entry !== undefined) matches.set(name, entry)
  }
  return matches
}

/** `strays`: what was seen of this fleet and stands in no inventory. */
interface Declaring extends PlanInput {
  readonly ports: ReadonlyMap<string, Problem>
  readonly strays: readonly Observation[]
}

function planDeclared(instance: ResolvedInstance, entry: InventoryEntry | undefined, input: Declaring): Step {
  const obstacle = input.blocked.get(instance.name) ?? input.ports.get(instance.name)
  if (obstacle !== undefined) return { kind: 'held', problem: obstacle }
  if (entry === undefined) return planNew(instance, input)
  const seen = input.observed.observations.get(entry.uid)
  if (seen === undefined || seen.kind === 'unknown')
    return { kind: 'held', problem: unseen(instance.name, seen) }
  const action = actionFor(instance, entry, seen, input)
  if (action === undefined) return { kind: 'none' }
  return {
    kind: 'action',
    action,
    access: accessChanges(instance.name, entry.applied?.spec.access ?? {}, instance.access),
  }
}

function planNew(instance: ResolvedInstance, { observed, strays }: Declaring): Step {
  if (observed.unreachable.has(instance.driver))
    return { kind: 'held', problem: unseen(instance.name, undefined) }
  const unseenStray = strays.find((seen) => seen.kind === 'unknown')
  if (unseenStray !== undefined)
    return { kind: 'held', problem: perhapsThere(instance.name, unseenStray.uid) }
  const access = accessChanges(instance.name, {}, instance.access)
  const [orphan] = strays
    .filter((seen) => seen.kind === 'present')
    .filter((seen) => seen.name === instance.name)
    .toSorted((a, b) => compare(a.uid, b.uid))
  if (orphan !== undefined) return { kind: 'action', action: planAdoption(instance, orphan), access }
  return { kind: 'action', action: planCreation(instance, undefined, 'declared'), access }
}

/** Instances that Git does not name and that are left as they are all the same. */
function leftAsTheyAre(
  { held, renames, complete }: DesiredState,
  declared: ReadonlySet<InventoryEntry>,
): (entry: InventoryEntry) => boolean {
  const formers = new Set(renames.values())
  return (entry) => !declared.has(entry) && !held.has(entry.name) && (!complete || formers.has(entry.name))
}

function planUndeclared(
  { desired, inventory, observed }: PlanInput,
  declared: ReadonlySet<InventoryEntry>,
): readonly Step[] {
  const followers = new Map([...desired.renames].map(([name, previously]) => [previously, name]))
  return [...inventory.values()]
    .filter((entry) => !declared.has(entry) && !desired.held.has(entry.name))
    .map((entry): Step => {
      const follower = followers.get(entry.name)
      if (follower !== undefined)
        return { kind: 'held', problem: followed(entry.name, follower, desired.held.get(follower)) }
      const seen = observed.observations.get(entry.uid)
      if (!desired.complete) return { kind: 'held', problem: undeletable(entry.name) }
      if (seen === undefined || seen.kind === 'unknown')
        return { kind: 'held', problem: unseen(entry.name, seen) }
      const target = { name: entry.name, uid: entry.uid, driver: entry.driver }
      return {
        kind: 'action',
        action: planDeletion(target, 'undeclared'),
        access: accessChanges(entry.name, entry.applied?.spec.access ?? {}, {}),
      }
    })
}

/** Objects that carry this fleet's id but stand in no inventory, and whose name nobody declares. */
function planUnowned({ desired, inventory, strays }: Declaring): readonly Step[] {
  const names = byName(inventory)
  return strays.flatMap((seen): readonly Step[] => {
    if (seen.kind !== 'present' || desired.held.has(seen.name)) return []
    if (desired.instances.has(seen.name) && !names.has(seen.name)) return []
    if (!desired.complete) return [{ kind: 'held', problem: undeletable(seen.name) }]
    return [
      { kind: 'action', action: planDeletion({ name: seen.name, uid: seen.uid }, 'unowned'), access: [] },
    ]
  })
}

function unseen(name: string, seen: Extract<Observation, { kind: 'unknown' }> | undefined): Problem {
  const cause = seen?.cause ?? 'its driver could not be asked'
  return { code: 'not-observed', message: `"${name}" could not be observed: ${cause}`, target: name }
}

/** What cannot be seen may be this very instance, with its data: a second one is not made beside it. */
function perhapsThere(name: string, uid: string): Problem {
  return {
    code: 'not-observed',
    message: `"${name}" is not created while ${uid}, which stands in no inventory, could not be observed`,
    target: name,
  }
}

/** An instance that lives on under a new name is never deleted, even where it cannot be renamed now. */
function followed(name: string, follower: string, why: string | undefined): Problem {
  if (why !== undefined)
    return {
      code: 'held',
      message: `"${name}" is left as it is, not renamed to "${follower}": ${why}`,
      target: name,
    }
  return {
    code: 'rename-conflict',
    message: `"${name}" cannot be renamed to "${follower}", which exists: first delete the one, then rename the other`,
    target: name,
  }
}

function undeletable(name: string): Problem {
  return {
    code: 'incomplete-source',
    message: `"${name}" is no longer declared, but some document could not be read, so nothing is deleted`,
    target: name,
  }
}

function heldProblems(desired: DesiredState, inventory: Inventory): readonly Problem[] {
  const existing = byName(inventory)
  return [...desired.held]
    .toSorted(([a], [b]) => compare(a, b))
    .filter(([name]) => existing.has(name) || !existing.has(desired.renames.get(name) ?? name))
    .map(([name, why]) => ({
      code: 'held',
      message: existing.has(name) ? `"${name}" is left as it is: ${why}` : `"${name}" is not created: ${why}`,
      target: name,
    }))
}

function damagedProblems({ inventory, observed }: PlanInput): readonly Problem[] {
  return [...byName(inventory)].flatMap(([name, { uid }]) => {
    const seen = observed.observations.get(uid)
    if (seen?.kind !== 'present' || seen.damaged === undefined) return []
    const message = `what the store holds of the flows of "${name}" is damaged: ${seen.damaged}; deploy them anew in the editor, or restore the store from a backup`
    return [{ code: 'damaged-flows', message, target: name }]
  })
}

function unreachableProblems({ unreachable }: ObservedState): readonly Problem[] {
  return [...unreachable]
    .toSorted(([a], [b]) => compare(a, b))
    .map(([driver, cause]) => ({
      code: 'driver-unreachable',
      message: `the ${driver} driver could not be asked: ${cause}`,
    }))
}
