import type { Finding } from './finding.ts'
import type { Located, ResourceIndex } from './index-resources.ts'
import { unknownReference } from './unknown-reference.ts'
import { accessOf } from '../model/access-of.ts'
import type { Access, TeamDocument, UserDocument } from '../model/resource.ts'

export interface TeamAccess {
  readonly access: { readonly [user: string]: Access }
  readonly findings: readonly Finding[]
}

interface Known {
  readonly team: Located<TeamDocument>
  readonly users: readonly UserDocument[]
  readonly access: TeamAccess
}

const known = new WeakMap<TeamDocument, Known>()

/** The access of every team by name; from the same documents comes the same object. */
export function accessByTeam(index: ResourceIndex): ReadonlyMap<string, TeamAccess> {
  const users = [...index.users.values()].map(({ resource }) => resource)
  return new Map([...index.teams].map(([name, team]) => [name, keptAccess(team, users, index)]))
}

function keptAccess(
  team: Located<TeamDocument>,
  users: readonly UserDocument[],
  index: ResourceIndex,
): TeamAccess {
  const before = known.get(team.resource)
  const same =
    before !== undefined &&
    before.team.file === team.file &&
    before.team.document === team.document &&
    before.users.length === users.length &&
    before.users.every((user, at) => user === users[at])
  if (same) return before.access
  const access = teamAccess(team, index)
  known.set(team.resource, { team, users, access })
  return access
}

/** Who may do what with the instances of a team: its members with their roles, and platform admins, who read. */
function teamAccess(team: Located<TeamDocument>, index: ResourceIndex): TeamAccess {
  const access: Record<string, Access> = {}
  const findings: Finding[] = []
  for (const [position, member] of (team.resource.spec.members ?? []).entries()) {
    const user = index.users.get(member.user)
    const path = ['spec', 'members', position, 'user']
    if (user === undefined)
      findings.push(unknownReference({ ...team, path, kind: 'User', name: member.user }, index))
    else if (Object.hasOwn(access, member.user)) findings.push(duplicateMember(team, path, member.user))
    else access[member.user] = accessOf(user.resource, member.role)
  }
  for (const { resource } of index.users.values())
    if (resource.spec.admin === true && !Object.hasOwn(access, resource.metadata.name))
      access[resource.metadata.name] = accessOf(resource, 'admin')
  return { access, findings }
}

function duplicateMember(team: Located<TeamDocument>, path: Finding['path'] & {}, user: string): Finding {
  return {
    code: 'duplicate-member',
    severity: 'error',
    file: team.file,
    document: team.document,
    path,
    message: `the team names "${user}" twice`,
    remedy: 'keep one entry',
  }
}
