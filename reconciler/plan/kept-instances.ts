import type { DesiredState } from '../model/desired-state.ts'
import type { Inventory } from '../model/inventory.ts'
import type { ResolvedInstance } from '../model/resource.ts'
import { withoutWithdrawn } from '../model/withdrawn-access.ts'

/**
 * Instances that are held back, as they were last applied: a mistake in Git keeps them from being changed, but not from
 * being put back when they drift or die, nor people from losing what Git takes from them. By the name they bear now.
 */
export function keptInstances(
  desired: DesiredState,
  inventory: Inventory,
  obstacles: Iterable<string>,
): ReadonlyMap<string, ResolvedInstance> {
  const held = new Set([...desired.held.keys(), ...obstacles])
  const kept = new Map<string, ResolvedInstance>()
  if (held.size === 0) return kept
  for (const { name, applied } of inventory.values())
    if (applied !== undefined && held.has(name)) {
      const spec = withoutWithdrawn(applied.spec, desired)
      kept.set(name, spec.name === name ? spec : { ...spec, name })
    }
  return kept
}
