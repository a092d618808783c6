import { compare, hash, truncates } from 'bcryptjs'
import type { UserDocument } from '../model/resource.ts'

/** The work factor of new hashes: 2^10 rounds, some 50 ms a sign-in. */
const defaultCost = 10

/** A password that none may have. */
export class PasswordError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'PasswordError'
  }
}

/**
 * The bcrypt hash that a User declares.
 * @throws PasswordError when the password is empty, or longer than the 72 bytes that bcrypt looks at.
 */
export async function hashPassword(password: string, cost = defaultCost): Promise<string> {
  if (password === '') throw new PasswordError('The password is empty.')
  if (truncates(password))
    throw new PasswordError('The password is longer than 72 bytes, which bcrypt would cut off.')
  return hash(password, cost)
}

/**
 * Whether the password is that of the hash. Without a hash (an unknown user, or one who has no password) the same work
 * is done and the answer is no, so that the time taken does not tell which users exist.
 */
export async function verifyPassword(
  password: string,
  passwordHash: string | undefined,
  cost = defaultCost,
): Promise<boolean> {
  const matches = await compare(password, passwordHash ?? nobodysHash(cost))
  return matches && passwordHash !== undefined
}

/** The work factor that most of the declared hashes have: what an unknown user costs. */
export function usualCost(users: Iterable<UserDocument>): number {
  const counts = new Map<number, number>()
  for (const { spec } of users) {
    const cost = Number(spec.passwordHash?.slice(4, 6))
    if (cost > 0) counts.set(cost, (counts.get(cost) ?? 0) + 1)
  }
  const [usual] = [...counts].toSorted(([, a], [, b]) => b - a)
  return usual?.[0] ?? defaultCost
}

/** Well-formed, of the given work factor, and the hash of no password anybody knows. */
function nobodysHash(cost: number): string {
  return `$2b$${String(cost).padStart(2, '0')}$${'.'.repeat(53)}`
}
