import type { AccessChange } from '../model/plan.ts'
import type { Access, ResolvedInstance } from '../model/resource.ts'

/** How much each role may do with an instance; an owner and a member may do the same. */
const rank = { owner: 3, member: 3, viewer: 2, admin: 2, dashboard: 1 } as const

/** Whose rights on an instance differ between two of its declarations. */
export function accessChanges(
  instance: string,
  before: ResolvedInstance['access'],
  after: ResolvedInstance['access'],
): readonly AccessChange[] {
  if (before === after) return []
  // Maps, since a user may be called `constructor`
  const [from, to] = [new Map(Object.entries(before)), new Map(Object.entries(after))]
  return [...new Set([...from.keys(), ...to.keys()])]
    .toSorted()
    .filter((user) => from.get(user)?.role !== to.get(user)?.role)
    .map((user) => accessChange({ user, instance }, from.get(user), to.get(user)))
}

function accessChange(
  whose: Pick<AccessChange, 'user' | 'instance'>,
  before: Access | undefined,
  after: Access | undefined,
): AccessChange {
  return {
    ...whose,
    ...(before === undefined ? {} : { from: before.role }),
    ...(after === undefined ? {} : { to: after.role }),
  }
}

/** How many people can do less, and how many more, on some instance than before. */
export function countPeople(changes: readonly AccessChange[]): {
  readonly losing: number
  readonly gaining: number
} {
  const people = (wanted: (change: AccessChange) => boolean): number =>
    new Set(changes.filter(wanted).map(({ user }) => user)).size
  return {
    losing: people((change) => rankOf(change.to) < rankOf(change.from)),
    gaining: people((change) => rankOf(change.to) > rankOf(change.from)),
  }
}

function rankOf(role: string | undefined): number {
  const known: Readonly<Record<string, number>> = rank
  return role === undefined ? 0 : (known[role] ?? 0)
}
