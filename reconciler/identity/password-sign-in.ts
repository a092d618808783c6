import { nobodysHash, verifyPassword } from './passwords.ts'
import type { Directory } from './directory.ts'
import type { ProofOf } from './proof.ts'
import type { SignInLimit } from './rate-limit.ts'
import type { Secret } from '../model/secret.ts'

export type PasswordAnswer =
  | { readonly kind: 'right'; /** What the session is to be begun with. */ readonly proof: string }
  /** Which of the two is wrong is not said. */
  | { readonly kind: 'wrong' }
  | { readonly kind: 'limited'; /** In seconds. */ readonly retryAfter: number }

interface PasswordSignInDeps {
  readonly directory: Directory
  readonly limit: SignInLimit
  readonly derive: (purpose: string, subject: string) => Secret
  readonly proofOf: ProofOf
}

/** Checks a name and a password against what Git declares now. An unknown name costs what a known one costs. */
export async function checkPassword(
  { directory, limit, derive, proofOf }: PasswordSignInDeps,
  { name, password, address }: { readonly name: string; readonly password: string; readonly address: string },
): Promise<PasswordAnswer> {
  const attempt = await limit.begin({ account: name, address })
  if (attempt.kind === 'limited') return attempt
  const users = directory.people()?.users
  const hash = users?.get(name)?.spec.passwordHash
  // Of the password that is compared: a commit may be read meanwhile, and what it changed must end this sign-in too.
  const proof = proofOf(name, users)
  const nobodys = nobodysHash(users?.values() ?? [], derive('nobodys-hash', name))
  if (!(await verifyPassword(password, hash, nobodys))) return { kind: 'wrong' }
  await attempt.succeeded()
  return { kind: 'right', proof }
}
