import type { Fields } from './fields.ts'
import type { DriverName, ResolvedInstance } from './resource.ts'

/** What was last brought about for an instance: the declaration, and what the driver then expects to observe. */
export interface Applied {
  readonly spec: ResolvedInstance
  readonly expected: Fields
  /** What the driver's configuration gave it (`DriverTraits.configured`). Absent for a stopped one: it takes the newest. */
  readonly configured?: Fields
  readonly revision: string
  /** RFC 3339. */
  readonly at: string
}

/** One instance of ours. `applied` is absent from the moment its identity is allotted until it first came about. */
export interface InventoryEntry {
  readonly uid: string
  readonly name: string
  readonly driver: DriverName
  /** The port of its editor, where the driver needs one. It never changes unless the manifest says so. */
  readonly port?: number
  readonly applied?: Applied
}

/** By uid. */
export type Inventory = ReadonlyMap<string, InventoryEntry>

const indexed = new WeakMap<readonly InventoryEntry[], Inventory>()

/** The entries by uid. Of the same list the same map, so that what is known of an inventory can be kept by identity. */
export function byUid(entries: readonly InventoryEntry[]): Inventory {
  const known = indexed.get(entries) ?? new Map(entries.map((entry) => [entry.uid, entry]))
  indexed.set(entries, known)
  return known
}

const named = new WeakMap<Inventory, ReadonlyMap<string, InventoryEntry>>()

/** The entries by name; of the same inventory the same map. */
export function byName(inventory: Inventory): ReadonlyMap<string, InventoryEntry> {
  const known = named.get(inventory) ?? new Map([...inventory.values()].map((entry) => [entry.name, entry]))
  named.set(inventory, known)
  return known
}
