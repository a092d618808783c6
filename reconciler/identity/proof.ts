import type { Secret } from '../model/secret.ts'
import type { Directory } from './directory.ts'

/** Changes when the user's declared password does, and tells nothing of it. */
export type ProofOf = (user: string) => string

/**
 * What a session is begun with and held against whenever it is used: whoever changes a password, because somebody else
 * had it, ends every session that began before.
 */
export function createProofOf({
  directory,
  derive,
}: {
  readonly directory: Directory
  readonly derive: (purpose: string, subject: string) => Secret
}): ProofOf {
  return (user) => {
    const hash = directory.people()?.users.get(user)?.spec.passwordHash ?? ''
    return derive('sign-in-proof', `${user}\0${hash}`).reveal().slice(0, 22)
  }
}
