import { assertNever } from '../model/assert-never.ts'
import type { DesiredState } from '../model/desired-state.ts'
import type { Role } from '../model/resource.ts'
import type { Right, Viewer } from '../model/viewer.ts'

/** A declared user as a viewer: the teams Git makes them a member of, or everything for an admin. */
export function viewerOf(desired: Pick<DesiredState, 'users' | 'teams'>, user: string): Viewer | undefined {
  const document = desired.users.get(user)
  if (!document) return undefined
  const admin = document.spec.admin === true
  const roles = rolesOf(desired, user)
  return {
    user,
    admin,
    roles,
    right: (team) => (admin ? 'inspect' : rightOf(team === undefined ? undefined : roles.get(team))),
  }
}

function rolesOf(desired: Pick<DesiredState, 'teams'>, user: string): ReadonlyMap<string, Role> {
  const roles = new Map<string, Role>()
  for (const [team, { spec }] of desired.teams) {
    const member = spec.members?.find((one) => one.user === user)
    if (member) roles.set(team, member.role)
  }
  return roles
}

/** Dashboard users call the flows' endpoints only: they learn whether an instance runs, not what is in it. */
function rightOf(role: Role | undefined): Right {
  switch (role) {
    case undefined:
      return 'none'
    case 'dashboard':
      return 'see'
    case 'owner':
    case 'member':
    case 'viewer':
      return 'inspect'
    default:
      return assertNever(role)
  }
}
