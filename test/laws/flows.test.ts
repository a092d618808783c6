import * as fc from 'fast-check'
import t from 'tap'
import { flowsText } from '../../reconciler/cli/flows-text.ts'
import { digestOf } from '../../reconciler/model/digest.ts'
import { flowNodes } from '../../reconciler/model/flow-nodes.ts'
import type { Json } from '../../reconciler/model/json.ts'
import { editedNodes, mostNodes } from '../../reconciler/plan/edited-nodes.ts'

const json = fc.json({ maxDepth: 3 }).map((text): Json => JSON.parse(text))
const anyNode = fc.record(
  {
    id: fc.constantFrom(...Array.from({ length: 40 }, (_, index) => `n${index}`)),
    type: fc.constantFrom('tab', 'inject', 'constructor'),
    name: fc.string(),
    func: json,
    x: fc.nat(3),
  },
  { requiredKeys: ['id', 'type'], noNullPrototype: true },
)
const anyFlows = fc.uniqueArray(anyNode, { selector: ({ id }) => id, maxLength: 40 })
const edited = (runs: readonly object[], declared: readonly object[]) =>
  editedNodes({ nodes: flowNodes(runs) }, JSON.stringify(declared))

t.test('nothing was edited where the same nodes run, in whatever order', async () => {
  fc.assert(
    fc.property(anyFlows, (flows) => {
      const found = edited(flows.toReversed(), flows)
      return found !== undefined && found.added + found.changed + found.removed + found.nodes.length === 0
    }),
  )
})

t.test('every edit is counted once, and no more are named than a plan holds', async () => {
  fc.assert(
    fc.property(anyFlows, anyFlows, (runs, declared) => {
      const found = edited(runs, declared)
      if (found === undefined) return false
      const { added, changed, removed, nodes, more } = found
      const kept = declared.filter(({ id }) => runs.some((node) => node.id === id)).length
      return (
        nodes.length + more === added + changed + removed &&
        nodes.length <= mostNodes &&
        added === runs.length - kept &&
        removed === declared.length - kept &&
        changed <= kept
      )
    }),
  )
})

t.test('putting it back is the opposite of the edit', async () => {
  fc.assert(
    fc.property(anyFlows, anyFlows, (one, other) => {
      const [there, back] = [edited(one, other), edited(other, one)]
      return there?.added === back?.removed && there?.changed === back?.changed
    }),
  )
})

t.test('an export is the same flows, and the same text for the same flows', async () => {
  const shuffled = (value: Json): Json => {
    if (typeof value !== 'object' || value === null) return value
    if (Array.isArray(value)) return value.map((part: Json) => shuffled(part))
    return Object.fromEntries(
      Object.entries(value)
        .toReversed()
        .map(([key, part]) => [key, shuffled(part)]),
    )
  }
  fc.assert(
    fc.property(fc.array(json), (nodes) => {
      const text = flowsText(nodes)
      const back: readonly Json[] = JSON.parse(text)
      return (
        digestOf(back) === digestOf(nodes) &&
        flowsText(back) === text &&
        flowsText(nodes.map(shuffled)) === text
      )
    }),
  )
})

t.test('an export is a text for Git', async (t) => {
  const node = {
    wires: [['b']],
    func: 'x',
    y: 1,
    z: 't',
    type: 'function',
    x: 2,
    id: 'a',
    name: 'n',
    outputs: 1,
  }
  t.equal(
    flowsText([node]),
    `[
  {
    "id": "a",
    "type": "function",
    "z": "t",
    "name": "n",
    "func": "x",
    "outputs": 1,
    "x": 2,
    "y": 1,
    "wires": [
      [
        "b"
      ]
    ]
  }
]
`,
  )
  t.equal(flowsText([]), '[]\n')
})
