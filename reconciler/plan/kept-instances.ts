import type { DesiredState } from '../model/desired-state.ts'
import type { Inventory, InventoryEntry } from '../model/inventory.ts'
import type { ResolvedInstance } from '../model/resource.ts'
import { withoutWithdrawn } from '../model/withdrawn-access.ts'

/** By the name they bear now. */
type Kept = ReadonlyMap<string, ResolvedInstance>

/**
 * Instances that are held back, as they were last applied: a mistake in Git keeps them from being changed, but not from
 * being put back when they drift or die, nor people from losing what Git takes from them.
 */
export function keptInstances(
  desired: DesiredState,
  inventory: Inventory,
  obstacles: Iterable<string>,
): Kept {
  const held = new Set([...desired.held.keys(), ...obstacles])
  return held.size === 0 ? new Map() : asApplied(inventory, desired, ({ name }) => held.has(name))
}

/** Those of some instances on which somebody loses a right, as they were last applied but for that. */
export function losingInstances(
  desired: DesiredState,
  inventory: Inventory,
  which: (entry: InventoryEntry) => boolean,
): Kept {
  return asApplied(
    inventory,
    desired,
    (entry) => which(entry) && withoutWithdrawn(entry, desired) !== entry.applied?.spec,
  )
}

function asApplied(
  inventory: Inventory,
  desired: DesiredState,
  which: (entry: InventoryEntry) => boolean,
): Kept {
  const kept = new Map<string, ResolvedInstance>()
  for (const entry of inventory.values()) {
    const spec = which(entry) ? withoutWithdrawn(entry, desired) : undefined
    if (spec !== undefined)
      kept.set(entry.name, spec.name === entry.name ? spec : { ...spec, name: entry.name })
  }
  return kept
}
