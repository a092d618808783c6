import type { Task } from './run-action.ts'
import type { Origin } from '../model/audit.ts'
import type { Inventory, InventoryEntry } from '../model/inventory.ts'
import type { Action, Plan } from '../model/plan.ts'
import type { ResolvedInstance } from '../model/resource.ts'
import { withoutWithdrawn, type People } from '../model/withdrawn-access.ts'

/** Problems that keep a valid declaration from being applied. */
const obstacles: ReadonlySet<string> = new Set(['missing-secret', 'undecryptable-credentials', 'port-taken'])

/** Who is behind a plan: the author of its revision, and whoever allowed what policy would have refused. */
export interface Behind {
  readonly revision: Pick<Origin, 'author' | 'subject'>
  /** Absent where nothing had to be allowed. */
  readonly allowance?: Pick<Origin, 'allowed' | 'allowedBy'>
}

/** What is done of a plan, each action with what is needed to carry it out. Of a refused plan that is what it takes away. */
export function tasksOf(plan: Plan, known: People, inventory: Inventory, behind: Behind): readonly Task[] {
  const { instances } = known
  const refused = plan.refusals.length > 0
  const reserved = new Set([...instances.values()].flatMap(({ port }) => port ?? []))
  const obstructed = new Set(
    plan.problems.flatMap(({ code, target = '' }) => (obstacles.has(code) ? [target] : [])),
  )
  return (refused ? (plan.withdrawals ?? []) : plan.actions).map((action) => {
    const { uid, name } = action.target
    const entry = uid === undefined ? undefined : inventory.get(uid)
    const declared = refused || obstructed.has(name) ? undefined : instances.get(name)
    const desired = action.kind === 'delete' ? undefined : (declared ?? asApplied(entry, name, known))
    return {
      action,
      planId: plan.id,
      revision: plan.revision,
      reserved,
      origin: originOf(action, behind),
      ...withdrawalOf(action, { refused, held: declared === undefined }),
      ...(entry === undefined ? {} : { entry }),
      ...(desired === undefined ? {} : { desired }),
    }
  })
}

/**
 * What only takes rights away is no reason to break off what an earlier commit has begun on an instance: half of that may be
 * a dead instance.
 */
function withdrawalOf(
  { kind, changes }: Action,
  { refused, held }: { readonly refused: boolean; readonly held: boolean },
): Pick<Task, 'withdrawal'> {
  const rightsAlone = changes.length > 0 && changes.every(({ path }) => path.startsWith('access.'))
  return refused || (held && kind === 'update' && rightsAlone) ? { withdrawal: true } : {}
}

/** Only deletions are ever allowed. */
function originOf({ kind, cause }: Action, { revision, allowance }: Behind): Origin {
  const { author, subject } = revision
  return {
    ...(author === undefined ? {} : { author }),
    ...(subject === undefined ? {} : { subject }),
    cause,
    ...(kind === 'delete' ? allowance : {}),
  }
}

/** What is held back is brought back as it was last applied, but for the rights that Git has taken away since. */
function asApplied(
  entry: InventoryEntry | undefined,
  name: string,
  known: People,
): ResolvedInstance | undefined {
  const spec = entry && withoutWithdrawn(entry, known)
  return spec === undefined || spec.name === name ? spec : { ...spec, name }
}
