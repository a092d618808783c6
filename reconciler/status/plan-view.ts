import type { Action, Change, Plan } from '../model/plan.ts'
import type { Viewer } from '../model/viewer.ts'
import type { FleetStatus } from './fleet-status.ts'
import { mayInspect, maySee } from './visible.ts'

/** The plan as far as the viewer may see it. For an admin it has everything that `schemas/plan.schema.json` says. */
export type PlanView = Pick<
  Plan,
  'apiVersion' | 'kind' | 'id' | 'revision' | 'complete' | 'actions' | 'access'
> & {
  /** For admins: the numbers and refusals are about the whole fleet. */
  readonly summary?: Plan['summary']
  readonly refusals?: Plan['refusals']
  readonly withdrawals?: Plan['withdrawals']
  readonly problems: Plan['problems']
}

/** Undefined before the first plan. */
export function planView(status: FleetStatus, viewer: Viewer): PlanView | undefined {
  const { plan } = status
  if (!plan) return undefined
  const seen = (actions: readonly Action[]) => actionsFor(status, viewer, actions)
  const withdrawals = plan.withdrawals === undefined ? {} : { withdrawals: seen(plan.withdrawals) }
  if (viewer.admin) return { ...plan, actions: seen(plan.actions), ...withdrawals }
  return {
    apiVersion: plan.apiVersion,
    kind: plan.kind,
    id: plan.id,
    revision: plan.revision,
    complete: plan.complete,
    actions: seen(plan.actions),
    ...withdrawals,
    access: plan.access.filter(({ instance }) => mayInspect(status, viewer, instance)),
    problems: plan.problems.filter(
      ({ target }) => target !== undefined && mayInspect(status, viewer, target),
    ),
  }
}

function actionsFor(status: FleetStatus, viewer: Viewer, actions: readonly Action[]): Action[] {
  if (viewer.admin) return actions.map(hideValuesOf)
  return actions
    .filter(
      ({ target }) =>
        maySee(status, viewer, target.previously ?? target.name) || maySee(status, viewer, target.name),
    )
    .map((action) =>
      mayInspect(status, viewer, action.target.name) ? hideValuesOf(action) : withoutDetails(action),
    )
}

/** That something is done, not what: neither fields nor nodes. */
function withoutDetails({ kind, target, cause, reason, effect }: Action): Action {
  return { kind, target, cause, reason, effect, changes: [] }
}

function hideValuesOf(action: Action): Action {
  return { ...action, changes: action.changes.map(hideValues) }
}

/** That a variable or a password changed is shown, but neither the value of the one nor the digest of the other. */
export function hideValues(change: Change): Change {
  const shown = /^access\..+\.role$/.test(change.path) || !/^$|^(env|access)(\.|$)/.test(change.path)
  if (shown) return change
  return { path: change.path, cause: change.cause, ...(change.secret ? { secret: change.secret } : {}) }
}
