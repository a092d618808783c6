import type { DesiredState } from '../model/desired-state.ts'
import type { Inventory } from '../model/inventory.ts'
import type { ObservedState } from '../model/observed-state.ts'
import type { DriverTraits, Plan, Problem } from '../model/plan.ts'
import type { DriverName } from '../model/resource.ts'
import { applyGates, type DeletionPolicy } from '../plan/gates.ts'
import { keepAdmins } from '../plan/kept-access.ts'
import { makePlan } from '../plan/make-plan.ts'
import type { PlanInput } from '../plan/plan-input.ts'
import { planWithdrawals } from '../plan/plan-kept.ts'
import { attachSecrets, type Fingerprints } from '../secrets/attach-secrets.ts'
import { checkCredentials, type CredentialKeyOf } from '../secrets/check-credentials.ts'

/** Everything one round found out. `plan` is what is shown, and the very object that is applied. */
export interface Round {
  readonly desired: DesiredState
  readonly inventory: Inventory
  readonly observed: ObservedState
  readonly missing: ReadonlyMap<string, Problem>
  readonly plan: Plan
}

/** What a plan is made from beside what Git declares. */
export interface Known {
  readonly inventory: Inventory
  readonly observed: ObservedState
  readonly fingerprints: Fingerprints
  /** Absent where no key can be known: declared credentials are then not tried. */
  readonly credentialKeyOf?: CredentialKeyOf
}

export interface Judging {
  readonly drivers: ReadonlyMap<DriverName, DriverTraits>
  readonly policy: DeletionPolicy
  /** true: an instance whose secret is missing is planned all the same, as a preview made elsewhere must. */
  readonly lenient?: boolean
}

/** The pure part of a round: the same for an apply, a dry run here, and one against what another reconciler knows. */
export function judge(
  desired: DesiredState,
  { inventory, observed, fingerprints, credentialKeyOf }: Known,
  { drivers, policy, lenient = false }: Judging,
): Round {
  const known = { ...desired, instances: keepAdmins(desired, inventory) }
  const { instances, missing: absent } = attachSecrets(known, fingerprints, inventory)
  const complete = { ...desired, instances }
  const { undecryptable, unchecked } = checkCredentials(complete, inventory, credentialKeyOf)
  const missing = new Map([...unchecked, ...absent])
  const blocked = new Map([...undecryptable, ...(lenient ? [] : missing)])
  const input = { desired: complete, inventory, observed, drivers, blocked }
  const plan = applyGates(makePlan(input), inventory.size, policy)
  return { desired: complete, inventory, observed, missing, plan: withWithdrawals(plan, input) }
}

/** Of a refused plan nothing is done, but for what no refusal may delay. */
function withWithdrawals(plan: Plan, input: PlanInput): Plan {
  const withdrawals = plan.refusals.length === 0 ? [] : planWithdrawals(input)
  return withdrawals.length === 0 ? plan : { ...plan, withdrawals: [...withdrawals] }
}
