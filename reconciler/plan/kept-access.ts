import type { DesiredState } from '../model/desired-state.ts'
import type { Inventory } from '../model/inventory.ts'
import type { Access, ResolvedInstance } from '../model/resource.ts'
import { isGone } from '../model/withdrawn-access.ts'

interface Kept {
  readonly before: ResolvedInstance
  readonly result: ResolvedInstance
}

const known = new WeakMap<ResolvedInstance, Kept>()

/**
 * Instances with the access of platform admins whose document cannot be told now. Whoever is named by a team holds its
 * instances by that; an admin is named by nobody, and a slip in one document must not lock them out everywhere.
 */
export function keepAdmins(
  desired: DesiredState,
  inventory: Inventory,
): ReadonlyMap<string, ResolvedInstance> {
  const { instances, renames, invalidUsers, complete } = desired
  if (complete && invalidUsers.size === 0) return instances
  const applied = new Map([...inventory.values()].map((entry) => [entry.name, entry.applied?.spec]))
  return new Map(
    [...instances].map(([name, instance]) => {
      const before = applied.get(name) ?? applied.get(renames.get(name) ?? name)
      return [name, before === undefined ? instance : withAdmins(instance, before, desired)]
    }),
  )
}

/** The same object for the same documents, since later steps keep what they know by identity. */
function withAdmins(
  instance: ResolvedInstance,
  before: ResolvedInstance,
  desired: DesiredState,
): ResolvedInstance {
  const lost = Object.entries(before.access).filter(
    ([user, { role }]) =>
      role === 'admin' &&
      !Object.hasOwn(instance.access, user) &&
      !desired.users.has(user) &&
      !isGone('users', user, desired),
  )
  if (lost.length === 0) return instance
  const earlier = known.get(instance)
  if (earlier?.before === before) return earlier.result
  const kept: { readonly [user: string]: Access } = Object.fromEntries(lost)
  const result = { ...instance, access: { ...instance.access, ...kept } }
  known.set(instance, { before, result })
  return result
}
