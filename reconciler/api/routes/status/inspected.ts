import type { Viewer } from '../../../model/viewer.ts'
import type { FleetStatus } from '../../../status/fleet-status.ts'
import { entriesByName, mayInspect, maySee } from '../../../status/visible.ts'
import { notFound, Problem } from '../../problem.ts'

/** Whether the viewer may look into it, whatever its name is by now. */
export function mayInspectUid(status: FleetStatus, viewer: Viewer, uid: string): boolean {
  const entry = status.inventory.get(uid)
  return entry !== undefined && mayInspect(status, viewer, entry.name)
}

/**
 * The uid of an instance that the viewer may look into.
 * @throws Problem the same for what is absent and what is hidden; 403 for what is seen but not to be looked into.
 */
export function inspectedUid(
  status: FleetStatus,
  viewer: Viewer,
  { name, what }: { readonly name: string; readonly what: string },
): string {
  const entry = entriesByName(status).get(name)
  if (!entry || !maySee(status, viewer, name)) throw notFound()
  if (mayInspect(status, viewer, name)) return entry.uid
  throw new Problem(403, `${what} for owners, members and viewers of the team.`)
}
