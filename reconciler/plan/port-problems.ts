import type { DesiredState } from '../model/desired-state.ts'
import type { Inventory, InventoryEntry } from '../model/inventory.ts'
import type { Problem } from '../model/plan.ts'
import { adminPortOffset } from '../model/launcher-ports.ts'

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
    const owner = [port - adminPortOffset, port, port + adminPortOffset]
      .map((taken) => given.get(taken))
      .find((other) => other !== undefined && other !== name)
    if (owner !== undefined)
      problems.set(name, {
        code: 'port-taken',
        message: `port ${port} of "${name}" is in use by "${owner}", which was given it; declare another one`,
        target: name,
      })
  }
  for (const [name, next] of swaps(desired, matches))
    problems.set(name, {
      code: 'port-taken',
      message: `"${name}" is to take the port of "${next}", and so on in a circle: first move one of them to a free port, and the others in a second commit`,
      target: name,
    })
  return problems
}

/** Instances that wait for each other's ports in a circle, each with the one it waits for. */
function swaps(
  desired: DesiredState,
  matches: ReadonlyMap<string, InventoryEntry>,
): ReadonlyMap<string, string> {
  const holders = new Map(
    [...matches].flatMap(([name, { port }]) => (port === undefined ? [] : [[port, name] as const])),
  )
  const waitsFor = new Map<string, string>()
  for (const [name, entry] of matches) {
    const port = desired.instances.get(name)?.port
    if (port === undefined || port === entry.port) continue
    const holder = [port - adminPortOffset, port, port + adminPortOffset]
      .map((taken) => holders.get(taken))
      .find((other) => other !== undefined && other !== name)
    if (holder !== undefined) waitsFor.set(name, holder)
  }
  return new Map([...waitsFor].filter(([name]) => comesBack(name, waitsFor)))
}

function comesBack(name: string, waitsFor: ReadonlyMap<string, string>): boolean {
  const seen = new Set<string>()
  for (let next = waitsFor.get(name); next !== undefined && !seen.has(next); next = waitsFor.get(next)) {
    if (next === name) return true
    seen.add(next)
  }
  return false
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
