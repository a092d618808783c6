import type { Task } from './run-action.ts'
import type { Inventory, InventoryEntry } from '../model/inventory.ts'
import type { Plan } from '../model/plan.ts'
import type { ResolvedInstance } from '../model/resource.ts'

/** Problems that keep a valid declaration from being applied. */
const obstacles: ReadonlySet<string> = new Set(['missing-secret', 'port-taken'])

/** The actions of a plan, each with what is needed to carry it out. A refused plan gives none. */
export function tasksOf(
  plan: Plan,
  instances: ReadonlyMap<string, ResolvedInstance>,
  inventory: Inventory,
): readonly Task[] {
  if (plan.refusals.length > 0) return []
  const reserved = new Set([...instances.values()].flatMap(({ port }) => port ?? []))
  const obstructed = new Set(
    plan.problems.flatMap(({ code, target = '' }) => (obstacles.has(code) ? [target] : [])),
  )
  return plan.actions.map((action) => {
    const { uid, name } = action.target
    const entry = uid === undefined ? undefined : inventory.get(uid)
    const declared = obstructed.has(name) ? undefined : instances.get(name)
    const desired = action.kind === 'delete' ? undefined : (declared ?? asApplied(entry, name))
    return {
      action,
      planId: plan.id,
      revision: plan.revision,
      reserved,
      ...(entry === undefined ? {} : { entry }),
      ...(desired === undefined ? {} : { desired }),
    }
  })
}

/** What is held back is brought back as it was last applied, whatever Git says of it now. */
function asApplied(entry: InventoryEntry | undefined, name: string): ResolvedInstance | undefined {
  const spec = entry?.applied?.spec
  return spec === undefined || spec.name === name ? spec : { ...spec, name }
}
