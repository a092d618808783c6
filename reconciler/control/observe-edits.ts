import { digestOf } from '../model/digest.ts'
import { flowNodes } from '../model/flow-nodes.ts'
import type { StoredFlows } from '../model/instance-storage.ts'
import type { Inventory } from '../model/inventory.ts'
import type { FlowsEdit, ObservedState } from '../model/observed-state.ts'
import type { Store } from '../store/store.ts'

/**
 * What was observed, with the nodes that run where they are not those that were applied. Only then are they read from the
 * store, and only told where they are what the launcher sees: a deploy may be on its way to the store, or somebody may have
 * changed the file.
 */
export async function observeEdits(
  observed: ObservedState,
  inventory: Inventory,
  store: Pick<Store, 'flows'>,
): Promise<ObservedState> {
  const edits = new Map<string, FlowsEdit>()
  for (const { uid, applied } of inventory.values()) {
    const expected = applied?.expected['flows']
    const seen = observed.observations.get(uid)
    if (expected === undefined || seen?.kind !== 'present') continue
    const runs = seen.fields['flows']
    if (typeof runs !== 'string' || runs === expected) continue
    const edit = editOf(await store.flows(uid), runs)
    if (edit !== undefined) edits.set(uid, edit)
  }
  if (edits.size === 0) return observed
  const observations = [...observed.observations].map(([uid, seen]) => {
    const edit = edits.get(uid)
    return [uid, edit === undefined || seen.kind !== 'present' ? seen : { ...seen, edit }] as const
  })
  return { ...observed, observations: new Map(observations) }
}

function editOf(stored: StoredFlows | undefined, runs: string): FlowsEdit | undefined {
  const nodes: unknown = stored === undefined ? undefined : JSON.parse(stored.nodes)
  if (stored === undefined || !Array.isArray(nodes) || digestOf(nodes) !== runs) return undefined
  const { savedAt, savedBy } = stored
  return { nodes: flowNodes(nodes), at: savedAt, ...(savedBy === undefined ? {} : { by: savedBy }) }
}
