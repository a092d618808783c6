import { compare, hash as hashBcrypt, truncates } from 'bcryptjs'
import type { UserDocument } from '../model/resource.ts'
import type { Secret } from '../model/secret.ts'

/** The work factor of new bcrypt hashes: 2^10 rounds, some 50 ms a sign-in. */
const defaultCost = 10

/** OWASP's first choice for argon2id: 19 MiB, two passes, one lane. Some 30 ms a sign-in. */
const argon2 = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }

/** A password that none may have. */
export class PasswordError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'PasswordError'
  }
}

/** How a password is hashed. A cost below the default is for tests. */
export type HashForm = 'argon2id' | { readonly bcrypt: number }

export const bcryptForm: HashForm = { bcrypt: defaultCost }

/**
 * The hash that a User declares: argon2id (RFC 9106) in its PHC form, or bcrypt.
 * @throws PasswordError when the password is empty, or longer than the 72 bytes that bcrypt looks at.
 */
export async function hashPassword(password: string, form: HashForm = 'argon2id'): Promise<string> {
  if (password === '') throw new PasswordError('The password is empty.')
  if (form === 'argon2id') return hashArgon2id(password)
  if (truncates(password))
    throw new PasswordError('The password is longer than 72 bytes, which bcrypt would cut off.')
  return hashBcrypt(password, form.bcrypt)
}

/**
 * Whether the password is that of the hash. Without a hash (an unknown user, or one who has no password) the same work
 * is done for `nobodys` and the answer is no, so that the time taken does not tell which users exist.
 */
export async function verifyPassword(
  password: string,
  passwordHash: string | undefined,
  nobodys: string,
): Promise<boolean> {
  const hash = passwordHash ?? nobodys
  const matches = hash.startsWith('$argon2')
    ? await matchesArgon2(hash, password)
    : await compare(password, hash)
  return matches && passwordHash !== undefined
}

/** argon2id is the default of the package, which is loaded by whoever needs it: most commands do not. */
async function hashArgon2id(password: string): Promise<string> {
  const { hash } = await import('@node-rs/argon2')
  return hash(password, argon2)
}

async function matchesArgon2(passwordHash: string, password: string): Promise<boolean> {
  const { verify } = await import('@node-rs/argon2')
  try {
    return await verify(passwordHash, password)
  } catch {
    // not a hash, for all that it looks like one: it is nobody's
    return false
  }
}

/** What comes before salt and hash: algorithm and work factors, which make up what a sign-in costs. */
const factors = /^(?:\$2[aby]\$\d\d\$|\$argon2id\$v=\d+\$m=\d+,t=\d+,p=\d+\$)/

/**
 * Well-formed, the hash of no password anybody knows, and as much work as one of the declared ones: which of them, a secret
 * of the name's own decides. So what a name costs, however unusual, is no sign that it is declared. `seed`: base64url.
 */
export function nobodysHash(users: Iterable<UserDocument>, seed: Secret): string {
  const declared = [...users].flatMap(({ spec }) => factors.exec(spec.passwordHash ?? '')?.[0] ?? [])
  const chance = Buffer.from(seed.reveal(), 'base64url').readUInt32BE()
  const { memoryCost, timeCost, parallelism } = argon2
  const chosen =
    declared[chance % Math.max(1, declared.length)] ??
    `$argon2id$v=19$m=${memoryCost},t=${timeCost},p=${parallelism}$`
  return chosen.startsWith('$argon2')
    ? `${chosen}${'A'.repeat(22)}$${'A'.repeat(43)}`
    : `${chosen}${'.'.repeat(53)}`
}
