import type { Json } from '../model/json.ts'

/** The members that Node-RED writes first, and those that it writes last; all others stand between them by name. */
const first = ['id', 'type', 'z', 'g', 'name', 'label']
const last = ['x', 'y', 'w', 'h', 'wires']

/**
 * Flows as a text for Git: nodes in the order in which Node-RED has them, which is part of the flows (tabs from left to
 * right, nodes from back to front), and members in one order, so that equal flows are equal texts and a change of one
 * member is a change of one line. The digest is that of the flows as they run.
 */
export function flowsText(nodes: readonly Json[]): string {
  return `${JSON.stringify(
    nodes.map((node) => ordered(node, byPlace)),
    null,
    2,
  )}\n`
}

type Order = (a: string, b: string) => number

function ordered(value: Json, order: Order): Json {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map((part: Json) => ordered(part, byName))
  const members = Object.entries(value).toSorted(([a], [b]) => order(a, b))
  return Object.fromEntries(members.map(([name, part]) => [name, ordered(part, byName)]))
}

function byPlace(a: string, b: string): number {
  return rank(a) - rank(b) || byName(a, b)
}

function rank(name: string): number {
  if (first.includes(name)) return first.indexOf(name)
  return first.length + 1 + last.indexOf(name)
}

function byName(a: string, b: string): number {
  return a < b ? -1 : Number(a > b)
}
