import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import { Problem } from './problem.ts'

/** How many events of its editor one instance may add to the audit trail: what is in there stays there. */
export interface AuditAllowance {
  readonly events: number
  /** In seconds. */
  readonly window: number
}

/** More than people bring about in an hour; what waited on a disk for longer than that comes in over some hours. */
export const defaultAuditAllowance: AuditAllowance = { events: 2000, window: 3600 }

/**
 * Counts the events of each instance, those that are told again included. Kept in memory: a restart forgets it.
 * Throws a 429 with `retry-after` in seconds where there are too many.
 */
export function createAuditMeter({ events, window }: AuditAllowance = defaultAuditAllowance) {
  const meter = new RateLimiterMemory({ points: events, duration: window })
  return async (uid: string, count: number): Promise<void> => {
    try {
      await meter.consume(uid, count)
    } catch (error) {
      if (!(error instanceof RateLimiterRes)) throw error
      const wait = Math.max(1, Math.ceil(error.msBeforeNext / 1000))
      throw new Problem(429, `An instance may tell ${events} events in ${window} seconds.`, {
        'retry-after': String(wait),
      })
    }
  }
}
