import { setTimeout as wait } from 'node:timers/promises'

/** Time as a parameter. */
export interface Clock {
  now(): Date
  /** @throws AbortError when the signal is aborted first. */
  sleep(ms: number, signal: AbortSignal): Promise<void>
}

/** `elapsed`: milliseconds of a clock that nobody sets. */
export const systemClock: Clock & { elapsed(): number } = {
  now: () => new Date(),
  elapsed: () => performance.now(),
  sleep: async (ms, signal) => {
    await wait(ms, undefined, { signal })
  },
}
