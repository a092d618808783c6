import { assertNever } from '../model/assert-never.ts'
import type { Viewer } from '../model/viewer.ts'
import type { FleetEvent, FleetStatus } from './fleet-status.ts'
import type { PlanView } from './plan-view.ts'
import { mayInspect, maySee } from './visible.ts'

/** Of a plan only what tells that there is a new one: it may be large, and its reader can ask for it. */
export type EventView =
  | Exclude<FleetEvent, { readonly type: 'plan' }>
  | { readonly type: 'plan'; readonly plan: Pick<PlanView, 'id' | 'revision' | 'complete'> }

/** An event as far as the viewer may hear of it; undefined where not at all. */
export function eventView(status: FleetStatus, event: FleetEvent, viewer: Viewer): EventView | undefined {
  switch (event.type) {
    case 'revision':
      return event
    case 'plan': {
      const { id, revision, complete } = event.plan
      return { type: 'plan', plan: { id, revision, complete } }
    }
    case 'action':
      return actionView(status, event, viewer)
    case 'status': {
      const { kind, name } = event.record
      return viewer.admin || (kind === 'Instance' && maySee(status, viewer, name)) ? event : undefined
    }
    default:
      return assertNever(event)
  }
}

function actionView(
  status: FleetStatus,
  event: Extract<FleetEvent, { readonly type: 'action' }>,
  viewer: Viewer,
): EventView | undefined {
  if (mayInspect(status, viewer, event.instance)) return event
  const { message: _, ...rest } = event
  return maySee(status, viewer, event.instance) ? rest : undefined
}
