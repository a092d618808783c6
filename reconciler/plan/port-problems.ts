import type { DesiredState } from '../model/desired-state.ts'
import type { Inventory, InventoryEntry } from '../model/inventory.ts'
import type { Problem } from '../model/plan.ts'

const adminOffset = 1000

/**
 * Declared ports that another instance was already given. Two declarations of one port are found when manifests are
 * read; a declared port against an allotted one only here, where the inventory is known.
 */
export function portProblems(
  desired: DesiredState,
  inventory: Inventory,
  matches: ReadonlyMap<string, InventoryEntry>,
): ReadonlyMap<string, Problem> {
  const given = allottedPorts(desired, inventory, matches)
  const problems = new Map<string, Problem>()
  for (const { name, port } of desired.instances.values()) {
    if (port === undefined) continue
    const owner = [port - adminOffset, port, port + adminOffset]
      .map((taken) => given.get(taken))
      .find((other) => other !== undefined && other !== name)
    if (owner !== undefined)
      problems.set(name, {
        code: 'port-taken',
        message: `port ${port} of "${name}" is in use by "${owner}", which was given it; declare another one`,
        target: name,
      })
  }
  return problems
}

/** Ports of instances that stay and declare none themselves, by the name of the owner. */
function allottedPorts(
  desired: DesiredState,
  inventory: Inventory,
  matches: ReadonlyMap<string, InventoryEntry>,
): ReadonlyMap<number, string> {
  const matched = new Set(matches.values())
  const staying = [...matches].filter(([name]) => desired.instances.get(name)?.port === undefined)
  const kept = new Set([...desired.held.keys(), ...desired.renames.values()])
  const held = [...inventory.values()].filter((entry) => kept.has(entry.name) && !matched.has(entry))
  const owners = [...staying, ...held.map((entry) => [entry.name, entry] as const)]
  return new Map(owners.flatMap(([name, { port }]) => (port === undefined ? [] : [[port, name] as const])))
}
