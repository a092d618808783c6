import { nobodysHash, verifyPassword } from './passwords.ts'
import type { Directory } from './directory.ts'
import type { SignInLimit } from './rate-limit.ts'
import type { Secret } from '../model/secret.ts'

export type PasswordAnswer =
  | { readonly kind: 'right' }
  /** Which of the two is wrong is not said. */
  | { readonly kind: 'wrong' }
  | { readonly kind: 'limited'; /** In seconds. */ readonly retryAfter: number }

interface PasswordSignInDeps {
  readonly directory: Directory
  readonly limit: SignInLimit
  readonly derive: (purpose: string, subject: string) => Secret
}

/** Checks a name and a password against what Git declares now. An unknown name costs what a known one costs. */
export async function checkPassword(
  { directory, limit, derive }: PasswordSignInDeps,
  { name, password, address }: { readonly name: string; readonly password: string; readonly address: string },
): Promise<PasswordAnswer> {
  const attempt = { account: name, address }
  const retryAfter = await limit.begin(attempt)
  if (retryAfter > 0) return { kind: 'limited', retryAfter }
  const users = directory.people()?.users
  const hash = users?.get(name)?.spec.passwordHash
  const nobodys = nobodysHash(users?.values() ?? [], derive('nobodys-hash', name))
  if (!(await verifyPassword(password, hash, nobodys))) return { kind: 'wrong' }
  await limit.succeeded(attempt)
  return { kind: 'right' }
}
