import type { DesiredState } from '../model/desired-state.ts'
import type { Inventory } from '../model/inventory.ts'
import type { ObservedState } from '../model/observed-state.ts'
import type { AccessChange, Action, DriverTraits, Problem } from '../model/plan.ts'
import type { DriverName } from '../model/resource.ts'

export interface PlanInput {
  readonly desired: DesiredState
  readonly inventory: Inventory
  readonly observed: ObservedState
  readonly drivers: ReadonlyMap<DriverName, DriverTraits>
  /** Instances that cannot be applied for a reason outside the manifests, such as a missing secret; by name. */
  readonly blocked: ReadonlyMap<string, Problem>
}

/** What comes of looking at one instance. */
export type Step =
  PlannedAction | { readonly kind: 'none' } | { readonly kind: 'held'; readonly problem: Problem }

export interface PlannedAction {
  readonly kind: 'action'
  readonly action: Action
  readonly access: readonly AccessChange[]
}
