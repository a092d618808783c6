import type { InventoryEntry } from '../model/inventory.ts'
import type { Viewer } from '../model/viewer.ts'
import type { FleetStatus } from './fleet-status.ts'

const indexes = new WeakMap<FleetStatus['inventory'], ReadonlyMap<string, InventoryEntry>>()

/** The inventory by name. An inventory never changes, so its index is made once. */
export function entriesByName(status: FleetStatus): ReadonlyMap<string, InventoryEntry> {
  const known = indexes.get(status.inventory)
  if (known) return known
  const index = new Map([...status.inventory.values()].map((entry) => [entry.name, entry]))
  indexes.set(status.inventory, index)
  return index
}

/** The team of an instance: as declared, or as last applied where it is declared no more or held. */
export function teamOf(status: FleetStatus, instance: string): string | undefined {
  return (
    status.desired?.instances.get(instance)?.team ?? entriesByName(status).get(instance)?.applied?.spec.team
  )
}

/** Every instance that is declared, held, or still ours. */
function allInstances(status: FleetStatus): ReadonlySet<string> {
  return new Set([
    ...(status.desired?.instances.keys() ?? []),
    ...(status.desired?.held.keys() ?? []),
    ...entriesByName(status).keys(),
  ])
}

/** The names of the instances that the viewer may see, sorted. One whose team is unknown is for admins. */
export function visibleInstances(status: FleetStatus, viewer: Viewer): readonly string[] {
  return [...allInstances(status)].filter((name) => maySee(status, viewer, name)).toSorted()
}

export function maySee(status: FleetStatus, viewer: Viewer, instance: string): boolean {
  return viewer.right(teamOf(status, instance)) !== 'none'
}

export function mayInspect(status: FleetStatus, viewer: Viewer, instance: string): boolean {
  return viewer.right(teamOf(status, instance)) === 'inspect'
}

export function exists(status: FleetStatus, instance: string): boolean {
  return allInstances(status).has(instance)
}
