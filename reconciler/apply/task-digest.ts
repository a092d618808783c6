import { digestOf } from '../model/digest.ts'
import type { ResolvedInstance } from '../model/resource.ts'

const digests = new WeakMap<ResolvedInstance, string>()

/** Stands for an instance that is not to exist. */
export const deletion = 'gone'

/** What is wanted of an instance, in short. */
export function taskDigest(desired: ResolvedInstance | undefined): string {
  if (desired === undefined) return deletion
  const known = digests.get(desired) ?? digestOf(desired)
  digests.set(desired, known)
  return known
}
