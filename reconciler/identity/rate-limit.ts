import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'

/** How many failed sign-ins may come in a window. */
export interface RateLimitOptions {
  /** For one account from one address: whoever guesses there shuts out nobody else. */
  readonly failures: number
  /** From one address, which a proxy or a building may share, and for one account from everywhere. */
  readonly widely: number
  /** In seconds. */
  readonly window: number
}

export interface SignInAttempt {
  /** Absent where the credential names none. */
  readonly account?: string
  readonly address: string
}

/** Limits failed sign-ins by account and by address. What succeeds does not count. */
export interface SignInLimit {
  /**
   * Enters an attempt as failed, before its credential is checked, so that many at once count as many.
   * Returns how many seconds to wait where there were too many; 0: go ahead.
   */
  begin(attempt: SignInAttempt): Promise<number>
  /** The attempt turned out well: it no longer counts. */
  succeeded(attempt: SignInAttempt): Promise<void>
}

const defaultRateLimit: RateLimitOptions = { failures: 10, widely: 100, window: 300 }

/** No user has a name longer than a DNS label, so a longer one needs no memory of its own. */
const longestName = 63

/** Kept in memory: a restart forgets it. */
export function createSignInLimit(options: RateLimitOptions = defaultRateLimit): SignInLimit {
  const { failures, widely, window: duration } = options
  const narrow = new RateLimiterMemory({ points: failures, duration, keyPrefix: 'narrow' })
  const wide = new RateLimiterMemory({ points: widely, duration, keyPrefix: 'wide' })
  /** The address comes first: one that has to wait cannot shut out account after account. */
  const limits = ({ account, address }: SignInAttempt): readonly (readonly [RateLimiterMemory, string])[] => {
    if (account === undefined || account.length > longestName)
      return [
        [narrow, `address ${address}`],
        [wide, `address ${address}`],
      ]
    return [
      [narrow, `account ${account} address ${address}`],
      [wide, `address ${address}`],
      [wide, `account ${account}`],
    ]
  }
  return {
    async begin(attempt) {
      for (const [limiter, key] of limits(attempt)) {
        const wait = await consume(limiter, key)
        if (wait > 0) return wait
      }
      return 0
    },
    async succeeded(attempt) {
      for (const [limiter, key] of limits(attempt)) await limiter.reward(key)
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
