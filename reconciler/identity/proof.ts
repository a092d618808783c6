import type { Provider } from 'oidc-provider'
import type { UserDocument } from '../model/resource.ts'
import type { Secret } from '../model/secret.ts'
import type { Directory } from './directory.ts'

/**
 * Changes when the user's declared password or e-mail address does, and tells nothing of them. `users`: whom Git declared
 * when it was asked who somebody is; default: whom it declares now.
 */
export type ProofOf = (user: string, users?: ReadonlyMap<string, UserDocument>) => string

/** A secret of its own for every purpose and subject. */
type Derive = (purpose: string, subject: string) => Secret

/**
 * What a session is begun with and held against whenever it is used: whoever changes a password, because somebody else
 * had it, or the address that an upstream provider vouches for, ends every session that began before.
 */
export function createProofOf({
  directory,
  derive,
}: {
  readonly directory: Directory
  readonly derive: Derive
}): ProofOf {
  return (user, users = directory.people()?.users) =>
    shortened(derive('sign-in-proof', signsInBy(user, users?.get(user)?.spec)))
}

/** The same for sessions of an instance (`Member.proof`): from one instance's nothing follows for another. */
export function createMemberProof(derive: Derive): (uid: string, user: UserDocument) => string {
  return (uid, { metadata, spec }) =>
    shortened(derive('member-proof', `${uid}\0${signsInBy(metadata.name, spec)}`))
}

/**
 * Whether the session that a code or a token came from began with what its user signs in by today: all that was issued
 * for the former password ends with it.
 */
export async function isProved(
  provider: Provider,
  token: { readonly accountId?: string | undefined; readonly sessionUid?: string | undefined },
  proofOf: ProofOf,
): Promise<boolean> {
  const { accountId } = token
  return accountId !== undefined && (await proofBehind(provider, token)) === proofOf(accountId)
}

/** What the session that a code or a token came from began with; undefined where it has ended. */
export async function proofBehind(
  provider: Provider,
  { sessionUid }: { readonly sessionUid?: string | undefined },
): Promise<string | undefined> {
  return sessionUid === undefined ? undefined : (await provider.Session.findByUid(sessionUid))?.acr
}

function signsInBy(
  user: string,
  { passwordHash = '', email = '' }: Pick<UserDocument['spec'], 'passwordHash' | 'email'> = {},
): string {
  return `${user}\0${passwordHash}\0${email}`
}

/** 132 bits. */
function shortened(secret: Secret): string {
  return secret.reveal().slice(0, 22)
}
