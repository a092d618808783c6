import t from 'tap'
import { observeEdits } from '../../reconciler/control/observe-edits.ts'
import { rememberedState } from '../../reconciler/control/remembered-state.ts'
import { digestOf } from '../../reconciler/model/digest.ts'
import type { InventoryEntry } from '../../reconciler/model/inventory.ts'
import type { StoredFlows } from '../../reconciler/model/instance-storage.ts'
import type { Observation } from '../../reconciler/model/observed-state.ts'
import { makePlan } from '../../reconciler/plan/make-plan.ts'
import { StoreError } from '../../reconciler/store/store.ts'
import { parseStateDocument, toStateDocument } from '../../reconciler/status/state-document.ts'
import { resolvedInstance } from '../support/make-instance.ts'

const [declared, ran] = [
  [{ id: 'a', type: 'tab' }],
  [
    { id: 'a', type: 'tab', label: 'Press' },
    { id: 'b', type: 'function', func: 'canary' },
  ],
]

/** A fleet of which each instance runs, as its launcher says, the flows of a digest. */
function fleet(digests: readonly (string | null)[]) {
  const expected = { flows: digestOf(declared) }
  const entries = digests.map((_, index): InventoryEntry => {
    const name = `press-${index}`
    const applied = { spec: resolvedInstance(name), expected, revision: 'r', at: '2026-01-02T03:04:05.000Z' }
    return { uid: name, name, driver: 'localfs', applied }
  })
  const seen = digests.map((flows, index): Observation => {
    const name = `press-${index}`
    return { kind: 'present', uid: name, name, fields: { flows }, phase: 'running' }
  })
  return {
    inventory: new Map(entries.map((entry) => [entry.uid, entry])),
    observed: {
      observations: new Map(seen.map((one) => [one.uid, one])),
      unreachable: new Map<string, string>(),
    },
  }
}

function storeWith(nodes: readonly object[] | undefined) {
  const asked: string[] = []
  const text = JSON.stringify(nodes)
  const stored: StoredFlows = {
    revision: 'r',
    nodes: text,
    credentials: '{}',
    savedAt: '2026-01-02T03:04:05.000Z',
    savedBy: 'olga',
  }
  return {
    asked,
    flows: async (uid: string) => {
      asked.push(uid)
      return nodes === undefined ? undefined : stored
    },
  }
}

t.test('flows are read only where those that run are others', async (t) => {
  const all = Array.from({ length: 10_000 }, () => digestOf(declared))
  const store = storeWith(ran)
  const { observed, inventory } = fleet(all)
  t.equal(await observeEdits(observed, inventory, store), observed)
  t.strictSame(store.asked, [])
  const drifted = fleet([...all.slice(0, 3), digestOf(ran), null])
  const after = await observeEdits(drifted.observed, drifted.inventory, store)
  t.strictSame(store.asked, ['press-3'])
  t.match(after.observations.get('press-3'), {
    edit: {
      by: 'olga',
      nodes: [
        { id: 'a', name: 'Press' },
        { id: 'b', type: 'function' },
      ],
    },
  })
  t.equal(after.observations.get('press-0'), drifted.observed.observations.get('press-0'))

  const status = {
    fleet: 'f',
    source: { description: '' },
    inventory: drifted.inventory,
    instances: new Map(),
  }
  const document = toStateDocument({ ...status, observed: after, ready: true })
  const again = parseStateDocument(JSON.parse(JSON.stringify(document)))
  t.strictSame(again.observed.observations.get('press-3'), after.observations.get('press-3'))
  t.notMatch(JSON.stringify(document), /canary/, 'what stands in a node goes nowhere')
})

t.test('a damaged row costs only its instance something', async (t) => {
  const { observed, inventory } = fleet([digestOf(ran), digestOf(ran), digestOf(ran), digestOf(ran)])
  const good = storeWith(ran)
  const damaged: Readonly<Record<string, (stored: StoredFlows | undefined) => StoredFlows | undefined>> = {
    'press-0': (stored) => stored && { ...stored, nodes: '[{"id":"a' },
    'press-1': (stored) => stored && { ...stored, nodes: '{}' },
    'press-2': () => {
      throw new StoreError('store-corrupt', 'a column does not hold text', 'restore it')
    },
  }
  const flows = async (uid: string) => {
    const stored = await good.flows(uid)
    return damaged[uid]?.(stored) ?? stored
  }
  const after = await observeEdits(observed, inventory, { flows })
  for (const uid of Object.keys(damaged))
    t.match(after.observations.get(uid), { damaged: String, edit: undefined })
  t.match(after.observations.get('press-3'), { edit: { by: 'olga' }, damaged: undefined })
  const desired = rememberedState([...inventory.values()])
  if (desired === undefined) throw new Error('nothing was applied')
  const { problems } = makePlan({
    desired,
    inventory,
    observed: after,
    drivers: new Map(),
    blocked: new Map(),
  })
  t.match(
    problems.map(({ code, target, message }) => [code, target, message.includes('restore')]),
    Object.keys(damaged).map((name) => ['damaged-flows', name, true]),
  )
  const away = async () => Promise.reject(new StoreError('store-unreachable', 'no disk', 'mend it'))
  await t.rejects(observeEdits(observed, inventory, { flows: away }), { code: 'store-unreachable' })
})

t.test('nodes that are not what runs are not told', async (t) => {
  for (const nodes of [declared, undefined]) {
    const { observed, inventory } = fleet([digestOf(ran)])
    t.equal(await observeEdits(observed, inventory, storeWith(nodes)), observed)
  }
})
