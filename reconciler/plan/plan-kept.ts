import { actionFor } from './action-for.ts'
import { losingInstances } from './kept-instances.ts'
import { inOrder } from './order.ts'
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
    const access = accessChanges(entry.name, entry.applied?.spec.access ?? {}, spec.access)
    return action === undefined ? [] : [{ kind: 'action', action, access }]
  })
}

/**
 * What is done although the plan is refused: rights that Git has taken away end where an instance runs. It is brought
 * to what was last applied but for them, so that nothing that the revision adds comes with it.
 */
export function planWithdrawals(input: PlanInput): readonly Action[] {
  const { observations } = input.observed
  const runs = ({ uid }: InventoryEntry): boolean => observations.get(uid)?.kind === 'present'
  const losing = losingInstances(input.desired, input.inventory, runs)
  return inOrder(planKept(input, losing, new Set()).map(({ action }) => action))
}
