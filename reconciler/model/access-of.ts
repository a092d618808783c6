import { sha256 } from './digest.ts'
import type { Access, UserDocument } from './resource.ts'

/**
 * What a user is granted by a role, as a user of an instance: what they sign in by (password, e-mail address, tokens) is
 * digested, a hash of a password once more, so that a plan can show that it changed and nothing else.
 */
export function accessOf({ spec }: UserDocument, role: Access['role']): Access {
  const { passwordHash, email, tokens = [] } = spec
  if (passwordHash === undefined && email === undefined && tokens.length === 0) return { role }
  return { role, password: sha256(JSON.stringify([passwordHash, email, tokens])).slice(0, 16) }
}
