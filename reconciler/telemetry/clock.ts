import { setTimeout as wait } from 'node:timers/promises'

/** Time as a parameter. */
export interface Clock {
  now(): Date
  /** @throws AbortError when the signal is aborted first. */
  sleep(ms: number, signal: AbortSignal): Promise<void>
}

export const systemClock: Clock = {
  now: () => new Date(),
  sleep: async (ms, signal) => {
    await wait(ms, undefined, { signal })
  },
}
