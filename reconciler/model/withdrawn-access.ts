import { accessOf } from './access-of.ts'
import type { DesiredState } from './desired-state.ts'
import type { Access, ResolvedInstance, UserDocument } from './resource.ts'

type People = Pick<DesiredState, 'users' | 'teams' | 'complete'>

const rank = { owner: 4, member: 3, viewer: 2, admin: 2, dashboard: 1 } as const

const known = new WeakMap<ResolvedInstance, { readonly people: People; readonly result: ResolvedInstance }>()

/**
 * An instance as it was applied, without the rights that Git has taken away since. What else holds it back is no reason to
 * leave an editor open to somebody: rights are taken away in any case, and given only by an instance that is applied whole.
 * So is what was begun with a password, an e-mail address or a token that is another one now. What cannot be read takes
 * nothing away.
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
  const role = roleLeft(document, granted.role, team, people)
  const now = role && accessOf(document, role)
  return now?.role === granted.role && now.password === granted.password ? granted : now
}

function roleLeft(
  document: UserDocument,
  granted: Access['role'],
  team: string,
  people: People,
): Access['role'] | undefined {
  const role = roleNow(document, team, people)
  const known = people.teams.has(team)
  if (role === undefined) return known || granted === 'admin' ? undefined : granted
  return known && rank[role] < rank[granted] ? role : granted
}

function roleNow(
  { metadata, spec }: UserDocument,
  team: string,
  { teams }: People,
): Access['role'] | undefined {
  const member = teams.get(team)?.spec.members?.find(({ user }) => user === metadata.name)
  return member?.role ?? (spec.admin === true ? 'admin' : undefined)
}
