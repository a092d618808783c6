import type { Secret } from '../model/secret.ts'
import type { Directory } from './directory.ts'

/** Changes when the user's declared password or e-mail address does, and tells nothing of them. */
export type ProofOf = (user: string) => string

/**
 * What a session is begun with and held against whenever it is used: whoever changes a password, because somebody else
 * had it, or the address that an upstream provider vouches for, ends every session that began before.
 */
export function createProofOf({
  directory,
  derive,
}: {
  readonly directory: Directory
  readonly derive: (purpose: string, subject: string) => Secret
}): ProofOf {
  return (user) => {
    const { passwordHash = '', email = '' } = directory.people()?.users.get(user)?.spec ?? {}
    return derive('sign-in-proof', `${user}\0${passwordHash}\0${email}`).reveal().slice(0, 22)
  }
}
