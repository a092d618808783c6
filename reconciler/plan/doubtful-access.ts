import { compare } from './order.ts'
import type { DesiredState } from '../model/desired-state.ts'
import { byName, type Inventory } from '../model/inventory.ts'
import type { Problem } from '../model/plan.ts'
import type { ResolvedInstance } from '../model/resource.ts'
import { isGone, withoutWithdrawn } from '../model/withdrawn-access.ts'

/** So many people are named, and so many things of each; a file of everybody would fill the plan. */
const peopleNamed = 20
const thingsNamed = 3

/** Who keeps a right only because what cannot be read, or is invalid, may declare it: nobody may think that it was taken away. */
export function doubtfulAccess(desired: DesiredState, inventory: Inventory): readonly Problem[] {
  const { unread, invalidUsers, invalidTeams } = desired
  if (unread.files.length === 0 && invalidUsers.size === 0 && invalidTeams.size === 0) return []
  const doubts = [...doubtsIn(desired, inventory)].toSorted(([a], [b]) => compare(a, b))
  const told = doubts.slice(0, peopleNamed).map(([who, { why, instances }]) => ({
    code: 'access-kept',
    message: `access to ${listed(instances)} is left to ${who}: ${why}`,
  }))
  const more = doubts.length - told.length
  if (more === 0) return told
  const message = `so is that of ${more} more users or teams, until what declares them can be read and is valid`
  return [...told, { code: 'access-kept', message }]
}

/** What a plan cannot tell that is made where nobody remembers who was declared before: a file that was removed may be known elsewhere. */
export function unremembered({ unread: { files } }: DesiredState): readonly Problem[] {
  if (files.length === 0) return []
  const message = `${listed(files)} cannot be read, and what was declared before is not known here: a reconciler that remembers it may take away rights that this plan leaves`
  return [{ code: 'access-kept', message }]
}

interface Doubt {
  readonly why: string
  readonly instances: string[]
}

/** By who it is about. */
function doubtsIn(desired: DesiredState, inventory: Inventory): ReadonlyMap<string, Doubt> {
  const doubts = new Map<string, Doubt>()
  const add = (who: string, why: string, instance: string): void => {
    const doubt = doubts.get(who) ?? { why, instances: [] }
    doubts.set(who, doubt)
    doubt.instances.push(instance)
  }
  for (const [name, entry] of byName(inventory)) {
    const declared = desired.instances.get(name)
    const spec = declared ?? withoutWithdrawn(entry, desired)
    if (spec === undefined || entry.applied === undefined) continue
    const before = new Set(Object.keys(entry.applied.spec.access))
    const kept = Object.keys(spec.access).filter((user) => before.has(user))
    for (const user of kept) {
      const why = doubtAbout('users', user, desired)
      if (why !== undefined) add(`"${user}"`, why, name)
    }
    const why =
      declared === undefined && hasMembers(spec) ? doubtAbout('teams', spec.team, desired) : undefined
    if (why !== undefined) add(`the members of team "${spec.team}"`, why, name)
  }
  return doubts
}

function hasMembers({ access }: ResolvedInstance): boolean {
  return Object.values(access).some(({ role }) => role !== 'admin')
}

/** Why it cannot be told whether somebody is still declared; undefined where it can. */
function doubtAbout(kind: 'users' | 'teams', name: string, desired: DesiredState): string | undefined {
  const [declared, invalid, which] =
    kind === 'users'
      ? [desired.users, desired.invalidUsers, 'this user']
      : [desired.teams, desired.invalidTeams, 'this team']
  if (invalid.has(name)) return `the document that declares ${which} is invalid`
  const asLastKnown = kind === 'users' && desired.unread.asLastKnown.has(name)
  if (!asLastKnown && (declared.has(name) || isGone(kind, name, desired))) return undefined
  return `no file that can be read declares ${which}, and ${listed(desired.unread.files)} may, but cannot be read`
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, thingsNamed).map((name) => `"${name}"`)
  const more = names.length - shown.length
  const all = more === 0 ? shown : [...shown, `${more} more`]
  const [last = '', ...rest] = all.toReversed()
  return rest.length === 0 ? last : `${rest.toReversed().join(', ')} and ${last}`
}
