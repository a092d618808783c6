import { sha256 } from '../model/digest.ts'

/** How long a verified header is taken without verifying it again, in milliseconds. */
const lifetime = 60_000
const capacity = 1000

/** `unchecked`: too many were wrong before it. */
export type Verified = 'right' | 'wrong' | 'unchecked'

interface Verification {
  readonly passwordHash: string | undefined
  readonly until: number
  readonly verified: Promise<boolean>
}

/**
 * Remembers which Basic headers were right, for a minute, and which were wrong, by their SHA-256: bcrypt is slow on purpose,
 * and dashboards poll. The same wrong one again is no new guess: a client that nobody told of a new password must not use up
 * what its owner may get wrong. A changed hash makes both forgotten. The same header many times at once is verified once.
 */
export class VerifiedPasswords {
  readonly #byDigest = new Map<string, Verification>()
  /** With the hash that each was no password of. */
  readonly #wrong = new Map<string, string | undefined>()

  /** Whether the header is right; `verify` is called only where that is not known. */
  async check(
    header: string,
    passwordHash: string | undefined,
    now: Date,
    verify: () => Promise<Verified>,
  ): Promise<boolean> {
    const digest = sha256(header)
    const known = this.#byDigest.get(digest)
    if (known && known.passwordHash === passwordHash && now.getTime() < known.until) return known.verified
    if (this.#wrong.has(digest) && this.#wrong.get(digest) === passwordHash) {
      enter(this.#wrong, digest, passwordHash)
      return false
    }
    const verified = this.#rememberWrong(digest, passwordHash, verify())
    enter(this.#byDigest, digest, { passwordHash, until: now.getTime() + lifetime, verified })
    return verified
  }

  async #rememberWrong(
    digest: string,
    passwordHash: string | undefined,
    verified: Promise<Verified>,
  ): Promise<boolean> {
    const answer = await verified.catch((error: unknown) => {
      this.#byDigest.delete(digest)
      throw error
    })
    if (answer !== 'right') this.#byDigest.delete(digest)
    if (answer === 'wrong') enter(this.#wrong, digest, passwordHash)
    return answer === 'right'
  }
}

/** The one that was entered first makes room. */
function enter<Value>(map: Map<string, Value>, digest: string, value: Value): void {
  map.delete(digest)
  map.set(digest, value)
  const [oldest] = map.keys()
  if (map.size > capacity && oldest !== undefined) map.delete(oldest)
}
