import type { DesiredState } from './desired-state.ts'
import type { Access, ResolvedInstance, UserDocument } from './resource.ts'

type People = Pick<DesiredState, 'users' | 'teams' | 'complete'>

const rank = { owner: 4, member: 3, viewer: 2, admin: 2, dashboard: 1 } as const

const known = new WeakMap<ResolvedInstance, { readonly people: People; readonly result: ResolvedInstance }>()

/**
 * An instance as it was applied, without the rights that Git has taken away since. What else holds it back is no reason to
 * leave an editor open to somebody: rights are taken away in any case, and given only by an instance that is applied whole.
 * What cannot be read takes nothing away.
 */
export function withoutWithdrawn(spec: ResolvedInstance, people: People): ResolvedInstance {
  const before = known.get(spec)
  if (before?.people === people) return before.result
  const access = Object.fromEntries(
    Object.entries(spec.access).flatMap(([user, granted]) => {
      const now = reduced(user, granted, spec.team, people)
      return now === undefined ? [] : [[user, now]]
    }),
  )
  const same = Object.entries(spec.access).every(([user, granted]) => access[user] === granted)
  const result = same ? spec : { ...spec, access }
  known.set(spec, { people, result })
  return result
}

function reduced(user: string, granted: Access, team: string, people: People): Access | undefined {
  const document = people.users.get(user)
  if (document === undefined) return people.complete ? undefined : granted
  const role = roleNow(document, team, people)
  if (role === undefined) return people.teams.has(team) || granted.role === 'admin' ? undefined : granted
  return rank[role] < rank[granted.role] && people.teams.has(team) ? { ...granted, role } : granted
}

function roleNow(
  { metadata, spec }: UserDocument,
  team: string,
  { teams }: People,
): Access['role'] | undefined {
  const member = teams.get(team)?.spec.members?.find(({ user }) => user === metadata.name)
  return member?.role ?? (spec.admin === true ? 'admin' : undefined)
}
