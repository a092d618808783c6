import type { DesiredState } from '../model/desired-state.ts'
import type { Viewer } from '../model/viewer.ts'
import { readAuthorization, type Presented } from './authorization-header.ts'
import { usualCost, verifyPassword } from './passwords.ts'
import { viewerOf } from './permissions.ts'
import type { SignInLimit } from './rate-limit.ts'
import { ownerOfToken } from './read-tokens.ts'
import { VerifiedPasswords } from './verified-passwords.ts'

export type Authentication =
  | { readonly kind: 'viewer'; readonly viewer: Viewer }
  /** No credential, or a wrong one: which of the two, and why, is not said. */
  | { readonly kind: 'refused' }
  | { readonly kind: 'limited'; /** In seconds. */ readonly retryAfter: number }
  /** Git has not been read yet, so nobody is known. */
  | { readonly kind: 'unavailable' }

export interface SignIn {
  /** The Authorization header. */
  readonly authorization: string | undefined
  /** The address it comes from. */
  readonly address: string
}

export type Authenticate = (signIn: SignIn) => Promise<Authentication>

interface AuthenticateDeps {
  /** What Git declares now. */
  readonly desired: () => Pick<DesiredState, 'users' | 'teams'> | undefined
  readonly limit: SignInLimit
  readonly clock: { now(): Date }
}

const refused: Authentication = { kind: 'refused' }

/** Tells who it is by a declared user's password (HTTP Basic) or read token (Bearer). */
export function createAuthenticate({ desired, limit, clock }: AuthenticateDeps): Authenticate {
  const verified = new VerifiedPasswords()

  return async ({ authorization, address }) => {
    const people = desired()
    if (!people) return { kind: 'unavailable' }
    if (authorization === undefined) return refused
    const presented = readAuthorization(authorization)

    let retryAfter = 0
    const limited = async (verify: () => Promise<boolean>): Promise<boolean> => {
      const attempt = presented?.kind === 'basic' ? { account: presented.user, address } : { address }
      retryAfter = await limit.begin(attempt)
      if (retryAfter > 0 || !(await verify())) return false
      await limit.succeeded(attempt)
      return true
    }
    const user = await nameOf({ presented, authorization, people, now: clock.now(), limited, verified })
    if (retryAfter > 0) return { kind: 'limited', retryAfter }
    const viewer = user === undefined ? undefined : viewerOf(people, user)
    return viewer ? { kind: 'viewer', viewer } : refused
  }
}

async function nameOf(signIn: {
  readonly presented: Presented | undefined
  readonly authorization: string
  readonly people: Pick<DesiredState, 'users'>
  readonly now: Date
  readonly limited: (verify: () => Promise<boolean>) => Promise<boolean>
  readonly verified: VerifiedPasswords
}): Promise<string | undefined> {
  const { presented, people, now, limited } = signIn
  if (presented?.kind === 'basic') {
    const hash = people.users.get(presented.user)?.spec.passwordHash
    const verify = async () =>
      limited(async () => verifyPassword(presented.password, hash, usualCost(people.users.values())))
    return (await signIn.verified.check(signIn.authorization, hash, now, verify)) ? presented.user : undefined
  }
  const owner = presented && ownerOfToken(people.users.values(), presented.token, now)
  // A token that is right costs no bcrypt, so it need not ask the limit, and nobody can shut it out by guessing.
  if (owner === undefined) await limited(async () => false)
  return owner
}
