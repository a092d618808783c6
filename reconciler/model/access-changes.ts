import type { AccessChange } from './plan.ts'
import type { Access, ResolvedInstance } from './resource.ts'

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
