import { actionFor } from './action-for.ts'
import { losingInstances } from './kept-instances.ts'
import { inOrder } from './order.ts'
import { planWithdrawal } from './plan-instance.ts'
import type { PlanInput, PlannedAction } from './plan-input.ts'
import { accessChanges } from '../model/access-changes.ts'
import type { InventoryEntry } from '../model/inventory.ts'
import type { Action } from '../model/plan.ts'
import type { ResolvedInstance } from '../model/resource.ts'

/** What is held back is not changed, but drift in it is put back and rights are taken away all the same. `changing`: what is planned for anyway. */
export function planKept(
  input: PlanInput,
  kept: ReadonlyMap<string, ResolvedInstance>,
  changing: ReadonlySet<InventoryEntry>,
): readonly PlannedAction[] {
  if (kept.size === 0) return []
  return [...input.inventory.values()].flatMap((entry): readonly PlannedAction[] => {
    const spec = kept.get(entry.name)
    const seen = input.observed.observations.get(entry.uid)
    if (spec === undefined || changing.has(entry)) return []
    if (seen === undefined || seen.kind === 'unknown') return []
    const action = actionFor(spec, entry, seen, input)
    return action === undefined ? [] : [planned(action, entry, spec)]
  })
}

/**
 * What is taken away on instances that are left as they are otherwise: neither drift nor configuration is put right with
 * it, and one that is not there or was stopped is not brought back, since nobody is in it.
 */
export function planLosses(
  input: PlanInput,
  which: (entry: InventoryEntry) => boolean,
): readonly PlannedAction[] {
  const { desired, inventory, observed } = input
  const losing = losingInstances(desired, inventory, which)
  return [...inventory.values()].flatMap((entry): readonly PlannedAction[] => {
    const [left, seen] = [losing.get(entry.name), observed.observations.get(entry.uid)]
    if (left === undefined || entry.applied === undefined || seen?.kind !== 'present') return []
    if (seen.fields['state'] !== entry.applied.expected['state']) return []
    return [planned(planWithdrawal(left, entry, entry.applied), entry, left)]
  })
}

function planned(action: Action, { name, applied }: InventoryEntry, spec: ResolvedInstance): PlannedAction {
  return { kind: 'action', action, access: accessChanges(name, applied?.spec.access ?? {}, spec.access) }
}

/** What is done although the plan is refused: rights that Git has taken away end wherever an instance runs. */
export function planWithdrawals(input: PlanInput): readonly Action[] {
  return inOrder(planLosses(input, () => true).map(({ action }) => action))
}
