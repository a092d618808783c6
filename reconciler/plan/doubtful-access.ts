import { compare } from './order.ts'
import type { DesiredState } from '../model/desired-state.ts'
import { byName, type Inventory } from '../model/inventory.ts'
import type { Problem } from '../model/plan.ts'
import type { ResolvedInstance } from '../model/resource.ts'
import { isGone, withoutWithdrawn } from '../model/withdrawn-access.ts'

/** So many people are named, and so many things of each; a file of everybody would fill the plan. */
const peopleNamed = 20
const thingsNamed = 3

/** Who keeps a right only because what cannot be read may declare it: nobody may think that it was taken away. */
export function doubtfulAccess(desired: DesiredState, inventory: Inventory): readonly Problem[] {
  const { files } = desired.unread
  if (files.length === 0) return []
  const doubts = [...doubtsIn(desired, inventory)].toSorted(([a], [b]) => compare(a, b))
  const told = doubts.slice(0, peopleNamed).map(([who, { declares, instances }]) => ({
    code: 'access-kept',
    message: `access to ${listed(instances)} is left to ${who}: no file that can be read declares ${declares}, and ${listed(files)} may, but cannot be read`,
  }))
  const more = doubts.length - told.length
  if (more === 0) return told
  const message = `so is that of ${more} more users or teams, until ${listed(files)} can be read`
  return [...told, { code: 'access-kept', message }]
}

interface Doubt {
  readonly declares: 'this user' | 'this team'
  readonly instances: string[]
}

/** By who it is about. */
function doubtsIn(desired: DesiredState, inventory: Inventory): ReadonlyMap<string, Doubt> {
  const doubts = new Map<string, Doubt>()
  const add = (who: string, declares: Doubt['declares'], instance: string): void => {
    const doubt = doubts.get(who) ?? { declares, instances: [] }
    doubts.set(who, doubt)
    doubt.instances.push(instance)
  }
  for (const [name, entry] of byName(inventory)) {
    const declared = desired.instances.get(name)
    const spec = declared ?? withoutWithdrawn(entry, desired)
    if (spec === undefined || entry.applied === undefined) continue
    const before = new Set(Object.keys(entry.applied.spec.access))
    const kept = Object.keys(spec.access).filter((user) => before.has(user))
    for (const user of kept) if (isDoubtful('users', user, desired)) add(`"${user}"`, 'this user', name)
    if (declared === undefined && keepsMembers(spec, desired))
      add(`the members of team "${spec.team}"`, 'this team', name)
  }
  return doubts
}

function keepsMembers({ team, access }: ResolvedInstance, desired: DesiredState): boolean {
  return isDoubtful('teams', team, desired) && Object.values(access).some(({ role }) => role !== 'admin')
}

function isDoubtful(kind: 'users' | 'teams', name: string, desired: DesiredState): boolean {
  const [declared, invalid] =
    kind === 'users' ? [desired.users, desired.invalidUsers] : [desired.teams, desired.invalidTeams]
  if (kind === 'users' && desired.unread.asLastKnown.has(name)) return true
  return !declared.has(name) && !invalid.has(name) && !isGone(kind, name, desired)
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, thingsNamed).map((name) => `"${name}"`)
  const more = names.length - shown.length
  const all = more === 0 ? shown : [...shown, `${more} more`]
  const [last = '', ...rest] = all.toReversed()
  return rest.length === 0 ? last : `${rest.toReversed().join(', ')} and ${last}`
}
