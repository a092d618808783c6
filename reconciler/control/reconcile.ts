import { observe } from './observe.ts'
import type { DesiredLoader } from '../desired/load-desired.ts'
import type { Driver } from '../drivers/driver.ts'
import type { DesiredState } from '../model/desired-state.ts'
import { byUid, type Inventory } from '../model/inventory.ts'
import type { ObservedState } from '../model/observed-state.ts'
import type { DriverTraits, Plan, Problem } from '../model/plan.ts'
import type { DriverName } from '../model/resource.ts'
import { applyGates, type DeletionPolicy } from '../plan/gates.ts'
import { keepAdmins } from '../plan/kept-access.ts'
import { makePlan } from '../plan/make-plan.ts'
import { attachSecrets, secretNames, type Fingerprints } from '../secrets/attach-secrets.ts'
import type { Source } from '../source/source.ts'
import type { Store } from '../store/store.ts'

export interface ReconcileDeps {
  readonly source: Source
  readonly loader: DesiredLoader
  readonly store: Pick<Store, 'inventory'>
  readonly drivers: ReadonlyMap<DriverName, Driver>
  readonly fingerprints: (names: ReadonlySet<string>, signal: AbortSignal) => Promise<Fingerprints>
  readonly policy: DeletionPolicy
  /** true: an instance whose secret is missing is planned all the same, as a preview made elsewhere must. */
  readonly lenient?: boolean
}

/** Everything one round found out. `plan` is what is shown, and the very object that is applied. */
export interface Round {
  readonly desired: DesiredState
  readonly inventory: Inventory
  readonly observed: ObservedState
  readonly missing: ReadonlyMap<string, Problem>
  readonly plan: Plan
}

/** What Git declares now. */
export async function readDesired(deps: ReconcileDeps, signal: AbortSignal): Promise<DesiredState> {
  const snapshot = await deps.source.snapshot(signal)
  return deps.loader.load(snapshot, signal)
}

/**
 * From what Git declares to a plan: look at what was applied and at what runs, compare, and let policy judge. Nothing
 * is written; a dry run ends here, and an apply carries out the plan that it returns.
 */
export async function reconcile(
  desired: DesiredState,
  deps: ReconcileDeps,
  signal: AbortSignal,
): Promise<Round> {
  const inventory = byUid(await deps.store.inventory())
  const observed = await observe(deps.drivers, inventory, signal)
  const fingerprints = await deps.fingerprints(secretNames(desired), signal)
  return judge(desired, { inventory, observed, fingerprints }, deps)
}

/** What a plan is made from beside what Git declares. */
export interface Known {
  readonly inventory: Inventory
  readonly observed: ObservedState
  readonly fingerprints: Fingerprints
}

export interface Judging extends Pick<ReconcileDeps, 'policy' | 'lenient'> {
  readonly drivers: ReadonlyMap<DriverName, DriverTraits>
}

/** The pure part of a round: the same for an apply, a dry run here, and one against what another reconciler knows. */
export function judge(
  desired: DesiredState,
  { inventory, observed, fingerprints }: Known,
  { drivers, policy, lenient = false }: Judging,
): Round {
  const known = { ...desired, instances: keepAdmins(desired, inventory) }
  const { instances, missing } = attachSecrets(known, fingerprints, inventory)
  const complete = { ...desired, instances }
  const blocked = lenient ? new Map<string, Problem>() : missing
  const plan = makePlan({ desired: complete, inventory, observed, drivers, blocked })
  return { desired: complete, inventory, observed, missing, plan: applyGates(plan, inventory.size, policy) }
}
