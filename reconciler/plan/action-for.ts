import { withEdit } from './edited-nodes.ts'
import { planCreation, planExisting } from './plan-instance.ts'
import type { PlanInput } from './plan-input.ts'
import type { InventoryEntry } from '../model/inventory.ts'
import type { Observation } from '../model/observed-state.ts'
import type { Action, DriverTraits } from '../model/plan.ts'
import type { ResolvedInstance } from '../model/resource.ts'

const unknownDriver: DriverTraits = { effects: [], configured: {} }

/** What makes an instance that could be looked for into what is wanted of it; undefined where it is that. */
export function actionFor(
  instance: ResolvedInstance,
  entry: InventoryEntry,
  seen: Exclude<Observation, { kind: 'unknown' }>,
  { drivers, desired }: PlanInput,
): Action | undefined {
  if (seen.kind === 'present') {
    const action = planExisting(instance, entry, seen, drivers.get(instance.driver) ?? unknownDriver)
    return action && withEdit(action, seen.edit, desired.flows.get(instance.flows?.digest ?? ''))
  }
  return planCreation(instance, entry, entry.applied === undefined ? 'unfinished' : 'missing')
}
