import { cut } from './plain-text.ts'
import { flowNodes, type FlowNode } from '../model/flow-nodes.ts'
import type { FlowsEdit } from '../model/observed-state.ts'
import type { Action, EditedFlows } from '../model/plan.ts'

/** So many nodes a plan names; the rest is counted. */
export const mostNodes = 20
/** Of a type, a name and an id so many characters stand in a plan. */
const longest = 100

type Named = EditedFlows['nodes'][number]

/** An action that puts declared flows back, with what was deployed over them. */
export function withEdit(action: Action, edit: FlowsEdit | undefined, declared: string | undefined): Action {
  const isDrift = action.changes.some(({ path, cause }) => path === 'flows' && cause === 'drift')
  const edited = edit === undefined || !isDrift ? undefined : editedNodes(edit, declared)
  return edited === undefined ? action : { ...action, edited }
}

/**
 * What was deployed over declared flows, node by node: first what was added, then changed, then removed, each in the order of
 * its flows. `declared`: the text of the flows file in Git; undefined where it is not at hand.
 */
export function editedNodes(edit: FlowsEdit, declared: string | undefined): EditedFlows | undefined {
  const parsed: unknown = declared === undefined ? undefined : JSON.parse(declared)
  if (!Array.isArray(parsed)) return undefined
  const wanted = flowNodes(parsed)
  const [before, after] = [byId(wanted), byId(edit.nodes)]
  const added = edit.nodes.filter(({ id }) => !before.has(id))
  const changed = edit.nodes.filter(({ id, digest }) => before.has(id) && before.get(id)?.digest !== digest)
  const removed = wanted.filter(({ id }) => !after.has(id))
  const nodes = [
    ...added.map(named('added')),
    ...changed.map(named('changed')),
    ...removed.map(named('removed')),
  ]
  return {
    added: added.length,
    changed: changed.length,
    removed: removed.length,
    ...(edit.by === undefined ? {} : { by: cut(edit.by, longest) }),
    ...(edit.at === undefined ? {} : { at: edit.at }),
    nodes: nodes.slice(0, mostNodes),
    more: Math.max(0, nodes.length - mostNodes),
  }
}

function byId(nodes: readonly FlowNode[]): ReadonlyMap<string, FlowNode> {
  return new Map(nodes.map((node) => [node.id, node]))
}

function named(edit: Named['edit']): (node: FlowNode) => Named {
  return ({ id, type, name }) => ({
    edit,
    type: cut(type, longest),
    ...(name === undefined ? {} : { name: cut(name, longest) }),
    id: cut(id, longest),
  })
}
