import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'

export interface RateLimitOptions {
  /** How many failed sign-ins an account, and an address, may have in a window. */
  readonly failures: number
  /** In seconds. */
  readonly window: number
}

export interface SignInAttempt {
  /** Absent where the credential names none. */
  readonly account?: string
  readonly address: string
}

/** Limits failed sign-ins per account and per address. What succeeds does not count. */
export interface SignInLimit {
  /**
   * Enters an attempt as failed, before its credential is checked, so that many at once count as many.
   * Returns how many seconds to wait where there were too many; 0: go ahead.
   */
  begin(attempt: SignInAttempt): Promise<number>
  /** The attempt turned out well: it no longer counts. */
  succeeded(attempt: SignInAttempt): Promise<void>
}

export const defaultRateLimit: RateLimitOptions = { failures: 10, window: 300 }

/** Kept in memory: a restart forgets it. */
export function createSignInLimit(options: RateLimitOptions = defaultRateLimit): SignInLimit {
  const limiter = new RateLimiterMemory({ points: options.failures, duration: options.window })
  return {
    async begin(attempt) {
      for (const key of keysOf(attempt)) {
        const wait = await consume(limiter, key)
        if (wait > 0) return wait
      }
      return 0
    },
    async succeeded(attempt) {
      for (const key of keysOf(attempt)) await limiter.reward(key)
    },
  }
}

async function consume(limiter: RateLimiterMemory, key: string): Promise<number> {
  try {
    await limiter.consume(key)
    return 0
  } catch (error) {
    if (error instanceof RateLimiterRes) return Math.max(1, Math.ceil(error.msBeforeNext / 1000))
    throw error
  }
}

/** No user has a name longer than a DNS label, so a longer one needs no memory of its own. */
const longestName = 63

/** The address comes first: one that has to wait cannot shut out account after account. */
function keysOf({ account, address }: SignInAttempt): readonly string[] {
  const keys = [`address ${address}`]
  if (account !== undefined && account.length <= longestName) keys.push(`account ${account}`)
  return keys
}
