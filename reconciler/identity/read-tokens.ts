import { createHash, timingSafeEqual } from 'node:crypto'
import type { UserDocument } from '../model/resource.ts'

/**
 * The name of the user whose read token this is; undefined when it is nobody's, or has expired. Compares with every
 * declared token, each in constant time.
 */
export function ownerOfToken(users: Iterable<UserDocument>, token: string, now: Date): string | undefined {
  const presented = createHash('sha256').update(token).digest()
  let owner: string | undefined
  for (const { metadata, spec } of users)
    for (const { sha256, expires } of spec.tokens ?? []) {
      const declared = Buffer.from(sha256, 'hex')
      const matches = declared.length === presented.length && timingSafeEqual(declared, presented)
      if (matches && !hasExpired(expires, now)) owner = metadata.name
    }
  return owner
}

/** A date that cannot be read counts as past. */
function hasExpired(expires: string | undefined, now: Date): boolean {
  return expires !== undefined && !(now.getTime() < Date.parse(expires))
}
