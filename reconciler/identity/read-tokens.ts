import { createHash, timingSafeEqual } from 'node:crypto'
import { opens } from '../model/read-token.ts'
import type { UserDocument } from '../model/resource.ts'

/**
 * The name of the user whose read token for the status this is; undefined when it is nobody's, has expired, or is for
 * instances only. Compares with every
 * declared token, each in constant time.
 */
export function ownerOfToken(
  users: Iterable<UserDocument>,
  presentedToken: string,
  now: Date,
): string | undefined {
  const presented = createHash('sha256').update(presentedToken).digest()
  let owner: string | undefined
  for (const { metadata, spec } of users)
    for (const token of spec.tokens ?? []) {
      const { sha256, expires } = token
      const declared = Buffer.from(sha256, 'hex')
      const matches = declared.length === presented.length && timingSafeEqual(declared, presented)
      if (matches && opens(token, 'status') && !hasExpired(expires, now)) owner = metadata.name
    }
  return owner
}

/** A date that cannot be read counts as past. */
function hasExpired(expires: string | undefined, now: Date): boolean {
  return expires !== undefined && !(now.getTime() < Date.parse(expires))
}
