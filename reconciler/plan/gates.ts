import type { Origin } from '../model/audit.ts'
import type { Plan, Refusal } from '../model/plan.ts'

export interface DeletionPolicy {
  /** The largest share of the instances that one plan may delete, from 0 to 1. */
  readonly maxShare: number
  /** What a person allowed: `all`, or the beginning of the id of one plan. */
  readonly allowed?: string
  /** The account of that person on this machine. */
  readonly allowedBy?: string
}

/** Small fleets change by large shares: the share counts from this many instances on. */
const smallFleet = 4

/** Refuses a plan that deletes more than it should. Of a refused plan nothing is applied, but for what it takes away. `known`: how many instances the inventory has. */
export function applyGates(plan: Plan, known: number, policy: DeletionPolicy): Plan {
  const refusals = deletionRefusals(plan, known, policy)
  return refusals.length === 0 ? plan : { ...plan, refusals: [...refusals] }
}

/** What a person allowed, where the plan would have been refused without it. */
export function allowanceOf(
  plan: Plan,
  known: number,
  { maxShare, allowed, allowedBy }: DeletionPolicy,
): Pick<Origin, 'allowed' | 'allowedBy'> | undefined {
  if (!isAllowed(plan.id, allowed) || deletionRefusals(plan, known, { maxShare }).length === 0)
    return undefined
  return {
    ...(allowed === undefined ? {} : { allowed }),
    ...(allowedBy === undefined ? {} : { allowedBy }),
  }
}

function deletionRefusals(plan: Plan, known: number, policy: DeletionPolicy): readonly Refusal[] {
  const deleted = plan.actions.filter(({ kind }) => kind === 'delete')
  const deletions = deleted.length
  const existing = known + deleted.filter(({ reason }) => reason === 'unowned').length
  if (deletions === 0 || isAllowed(plan.id, policy.allowed)) return []
  const remedy = `if that is meant: --allow-deletions=${plan.id.slice(0, 12)}`
  if (deletions >= existing)
    return [{ policy: 'delete-all', message: `it would delete every instance (${deletions})`, remedy }]
  if (existing < smallFleet || deletions / existing <= policy.maxShare) return []
  const limit = `${Math.round(policy.maxShare * 100)} %`
  return [
    {
      policy: 'max-deletions',
      message: `it would delete ${deletions} of ${existing} instances, more than ${limit}`,
      remedy,
    },
  ]
}

function isAllowed(id: string, allowed: string | undefined): boolean {
  if (allowed === undefined) return false
  return allowed === 'all' || (allowed.length >= 8 && id.startsWith(allowed))
}
