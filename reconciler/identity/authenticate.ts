import type { DesiredState } from '../model/desired-state.ts'
import type { Secret } from '../model/secret.ts'
import type { Viewer } from '../model/viewer.ts'
import { readAuthorization, type Presented } from './authorization-header.ts'
import { nobodysHash, verifyPassword } from './passwords.ts'
import { viewerOf } from './permissions.ts'
import type { SignInLimit } from './rate-limit.ts'
import { ownerOfToken } from './read-tokens.ts'
import { VerifiedPasswords, type Verified } from './verified-passwords.ts'

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
  /** The value of the cookie of a browser that signed in. */
  readonly session?: string
  /** The address it comes from. */
  readonly address: string
}

export type Authenticate = (signIn: SignIn) => Promise<Authentication>

/** What stands for a sign-in at the identity door, and whose it is. Membership is for the asker to read. */
export interface IssuedTickets {
  userOfSession(session: string): Promise<string | undefined>
  userOfToken(token: string): Promise<string | undefined>
}

interface AuthenticateDeps {
  /** What Git declares now. */
  readonly desired: () => Pick<DesiredState, 'users' | 'teams'> | undefined
  readonly limit: SignInLimit
  /** What the identity door handed out; absent where there is none. */
  readonly issued?: IssuedTickets
  /** A secret of its own for every purpose and subject: 32 bytes in base64url. */
  readonly derive: (purpose: string, subject: string) => Secret
  readonly clock: { now(): Date }
}

const refused: Authentication = { kind: 'refused' }

/**
 * Tells who it is by a declared user's password (HTTP Basic), by a read token or an access token of the identity door
 * (Bearer), or by the session of a browser.
 */
export function createAuthenticate({
  desired,
  limit,
  clock,
  issued,
  derive,
}: AuthenticateDeps): Authenticate {
  const verified = new VerifiedPasswords()

  return async ({ authorization, session, address }) => {
    const people = desired()
    if (!people) return { kind: 'unavailable' }
    if (authorization === undefined) {
      const user = session === undefined ? undefined : await issued?.userOfSession(session)
      return answerFor(people, user)
    }
    const presented = readAuthorization(authorization)

    let retryAfter = 0
    const limited = async (verify: () => Promise<boolean>): Promise<Verified> => {
      const attempt = await limit.begin(
        presented?.kind === 'basic' ? { account: presented.user, address } : { address },
      )
      if (attempt.kind === 'limited') {
        retryAfter = attempt.retryAfter
        return 'unchecked'
      }
      if (!(await verify())) return 'wrong'
      await attempt.succeeded()
      return 'right'
    }
    const user = await nameOf({
      presented,
      authorization,
      people,
      now: clock.now(),
      limited,
      verified,
      issued,
      nobodys: (name) => nobodysHash(people.users.values(), derive('nobodys-hash', name)),
    })
    if (retryAfter > 0) return { kind: 'limited', retryAfter }
    return answerFor(people, user)
  }
}

function answerFor(people: Pick<DesiredState, 'users' | 'teams'>, user: string | undefined): Authentication {
  const viewer = user === undefined ? undefined : viewerOf(people, user)
  return viewer ? { kind: 'viewer', viewer } : refused
}

async function nameOf(signIn: {
  readonly presented: Presented | undefined
  readonly authorization: string
  readonly people: Pick<DesiredState, 'users'>
  readonly now: Date
  readonly limited: (verify: () => Promise<boolean>) => Promise<Verified>
  readonly verified: VerifiedPasswords
  readonly issued: IssuedTickets | undefined
  readonly nobodys: (name: string) => string
}): Promise<string | undefined> {
  const { presented, people, now, limited } = signIn
  if (presented?.kind === 'basic') {
    const { user, password } = presented
    const hash = people.users.get(user)?.spec.passwordHash
    const verify = async () => limited(async () => verifyPassword(password, hash, signIn.nobodys(user)))
    return (await signIn.verified.check(signIn.authorization, hash, now, verify)) ? user : undefined
  }
  const owner =
    presented &&
    (ownerOfToken(people.users.values(), presented.token, now) ??
      (await signIn.issued?.userOfToken(presented.token)))
  // A token that is right costs no bcrypt, so it need not ask the limit, and nobody can shut it out by guessing.
  if (owner === undefined) await limited(async () => false)
  return owner
}
