import { nothingUnread, type DesiredState } from '../model/desired-state.ts'
import type { InventoryEntry } from '../model/inventory.ts'

/**
 * The declaration of every instance as it was last applied. It says nothing of teams, users and flows, and is never
 * complete, so that a plan made from it puts back what drifted and does nothing else. Undefined where nothing was applied.
 */
export function rememberedState(inventory: readonly InventoryEntry[]): DesiredState | undefined {
  const known = inventory.flatMap(({ name, applied }) => (applied === undefined ? [] : [{ name, applied }]))
  const newest = known.toSorted((a, b) => (a.applied.at < b.applied.at ? 1 : -1))[0]
  if (newest === undefined) return undefined
  return {
    revision: { kind: 'commit', id: newest.applied.revision },
    teams: new Map(),
    users: new Map(),
    invalidUsers: new Set(),
    invalidTeams: new Set(),
    unread: nothingUnread,
    // by the name of the entry: a rename may have come no further than that
    instances: new Map(
      known.map(({ name, applied: { spec } }) => [name, spec.name === name ? spec : { ...spec, name }]),
    ),
    renames: new Map(),
    held: new Map(),
    flows: new Map(),
    credentials: new Map(),
    certificates: new Map(),
    complete: false,
    diagnostics: [],
  }
}
