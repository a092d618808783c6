import { accessOf } from './access-of.ts'
import type { DesiredState, Gone } from './desired-state.ts'
import type { InventoryEntry } from './inventory.ts'
import type { Access, ResolvedInstance, UserDocument } from './resource.ts'

/** What Git says of people. */
export type People = Pick<
  DesiredState,
  'instances' | 'renames' | 'users' | 'teams' | 'invalidUsers' | 'invalidTeams' | 'unread' | 'complete'
>

const rank = { owner: 4, member: 3, viewer: 2, admin: 2, dashboard: 1 } as const

const known = new WeakMap<ResolvedInstance, { readonly people: People; readonly result: ResolvedInstance }>()

/**
 * An instance as it was applied, without the rights that Git has taken away since; undefined where nothing was applied.
 * What else holds it back is no reason to leave an editor open to somebody: rights are taken away in any case, and given
 * only by an instance that is applied whole. So is what was begun with a password, an e-mail address or a token that is
 * another one now. What cannot be read takes nothing away.
 */
export function withoutWithdrawn(
  { name, applied }: Pick<InventoryEntry, 'name' | 'applied'>,
  people: People,
): ResolvedInstance | undefined {
  if (applied === undefined) return undefined
  const { spec } = applied
  const before = known.get(spec)
  if (before?.people === people) return before.result
  const now = accessNow(declaredAs(name, people), spec.team, people)
  const access = Object.fromEntries(
    Object.entries(spec.access).flatMap(([user, granted]) => {
      const left = atMost(granted, now(user, granted), people.users.get(user))
      return left === undefined ? [] : [[user, left]]
    }),
  )
  const same = Object.entries(spec.access).every(([user, granted]) => access[user] === granted)
  const result = same ? spec : { ...spec, access }
  known.set(spec, { people, result })
  return result
}

/** Whether a User or Team is declared no more; not where that cannot be told. */
export function isGone(
  kind: keyof Gone,
  name: string,
  { users, teams, invalidUsers, invalidTeams, complete, unread }: People,
): boolean {
  const [declared, invalid] = kind === 'users' ? [users, invalidUsers] : [teams, invalidTeams]
  if (declared.has(name) || invalid.has(name)) return false
  return complete || unread.gone[kind].has(name)
}

/** What Git declares for an instance that has this name now, be it under the name that it is to get. */
function declaredAs(name: string, { instances, renames }: People): ResolvedInstance | undefined {
  const found = instances.get(name)
  if (found !== undefined) return found
  for (const [later, former] of renames) if (former === name) return instances.get(later)
  return undefined
}

type RoleNow = (user: string, granted: Access) => Access['role'] | undefined

/** By the declaration of the instance itself, where that can be told; else by the team that it was applied with. */
function accessNow(declared: ResolvedInstance | undefined, team: string, people: People): RoleNow {
  // a Map, since a user may be called `constructor`
  const access = declared && new Map(Object.entries(declared.access))
  if (access !== undefined) return (user) => access.get(user)?.role
  const roleNow = (user: string): Access['role'] | undefined => {
    const member = people.teams.get(team)?.spec.members?.find((one) => one.user === user)
    return member?.role ?? (people.users.get(user)?.spec.admin === true ? 'admin' : undefined)
  }
  return (user, granted) => {
    const document = people.users.get(user)
    if (document === undefined && isGone('users', user, people)) return undefined
    // An admin is named by no team: whether somebody still is one only their document tells.
    if (granted.role === 'admin') return document === undefined ? 'admin' : roleNow(user)
    return people.teams.has(team) || isGone('teams', team, people) ? roleNow(user) : granted.role
  }
}

function atMost(
  granted: Access,
  role: Access['role'] | undefined,
  document: UserDocument | undefined,
): Access | undefined {
  if (role === undefined) return undefined
  const least = rank[role] < rank[granted.role] ? role : granted.role
  const now = document === undefined ? { ...granted, role: least } : accessOf(document, least)
  return now.role === granted.role && now.password === granted.password ? granted : now
}
