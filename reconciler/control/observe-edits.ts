import { digestOf } from '../model/digest.ts'
import { flowNodes } from '../model/flow-nodes.ts'
import type { StoredFlows } from '../model/instance-storage.ts'
import type { Inventory } from '../model/inventory.ts'
import type { FlowsEdit, ObservedState } from '../model/observed-state.ts'
import { StoreError, type Store } from '../store/store.ts'

/**
 * What was observed, with the nodes that run where they are not those that were applied. Only then are they read from the
 * store, and only told where they are what the launcher sees: a deploy may be on its way to the store, or somebody may have
 * changed the file. A row that is damaged is told of its instance, and costs no other anything.
 */
export async function observeEdits(
  observed: ObservedState,
  inventory: Inventory,
  store: Pick<Store, 'flows'>,
): Promise<ObservedState> {
  const edits = new Map<string, Edit>()
  for (const { uid, applied } of inventory.values()) {
    const expected = applied?.expected['flows']
    const seen = observed.observations.get(uid)
    if (expected === undefined || seen?.kind !== 'present') continue
    const runs = seen.fields['flows']
    if (typeof runs !== 'string' || runs === expected) continue
    const edit = await readEdit(uid, runs, store)
    if (edit !== undefined) edits.set(uid, edit)
  }
  if (edits.size === 0) return observed
  const observations = [...observed.observations].map(([uid, seen]) => {
    const edit = edits.get(uid)
    return [uid, edit === undefined || seen.kind !== 'present' ? seen : { ...seen, ...edit }] as const
  })
  return { ...observed, observations: new Map(observations) }
}

type Edit = { readonly edit: FlowsEdit } | { readonly damaged: string }

async function readEdit(uid: string, runs: string, store: Pick<Store, 'flows'>): Promise<Edit | undefined> {
  try {
    const stored = await store.flows(uid)
    return stored && editOf(stored, runs)
  } catch (error) {
    if (error instanceof StoreError && error.code === 'store-corrupt') return { damaged: error.message }
    throw error
  }
}

function editOf({ nodes: text, savedAt, savedBy }: StoredFlows, runs: string): Edit | undefined {
  const nodes = parsed(text)
  if (!Array.isArray(nodes)) return { damaged: 'they are not JSON, or no list of nodes' }
  if (digestOf(nodes) !== runs) return undefined
  return { edit: { nodes: flowNodes(nodes), at: savedAt, ...(savedBy === undefined ? {} : { by: savedBy }) } }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
