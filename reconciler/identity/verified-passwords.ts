import { sha256 } from '../model/digest.ts'

/** How long a verified header is taken without verifying it again, in milliseconds. */
const lifetime = 60_000
const capacity = 1000

interface Verification {
  readonly passwordHash: string | undefined
  readonly until: number
  readonly verified: Promise<boolean>
}

/**
 * Remembers for a minute which Basic headers were right, by their SHA-256: bcrypt is slow on purpose, and dashboards
 * poll. A changed hash makes them wrong at once. The same header many times at once is verified once.
 */
export class VerifiedPasswords {
  readonly #byDigest = new Map<string, Verification>()

  /** Whether the header is right; `verify` is called only where that is not known. A wrong one is not remembered. */
  async check(
    header: string,
    passwordHash: string | undefined,
    now: Date,
    verify: () => Promise<boolean>,
  ): Promise<boolean> {
    const digest = sha256(header)
    const known = this.#byDigest.get(digest)
    if (known && known.passwordHash === passwordHash && now.getTime() < known.until) return known.verified
    const verified = this.#forgetFailure(digest, verify())
    this.#remember(digest, { passwordHash, until: now.getTime() + lifetime, verified })
    return verified
  }

  async #forgetFailure(digest: string, verified: Promise<boolean>): Promise<boolean> {
    const right = await verified.catch((error: unknown) => {
      this.#byDigest.delete(digest)
      throw error
    })
    if (!right) this.#byDigest.delete(digest)
    return right
  }

  /** The one that was entered first makes room. */
  #remember(digest: string, verification: Verification): void {
    this.#byDigest.delete(digest)
    this.#byDigest.set(digest, verification)
    const [oldest] = this.#byDigest.keys()
    if (this.#byDigest.size > capacity && oldest !== undefined) this.#byDigest.delete(oldest)
  }
}
