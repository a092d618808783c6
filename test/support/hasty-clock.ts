import { setTimeout as wait } from 'node:timers/promises'
import type { Clock } from '../../reconciler/telemetry/clock.ts'

/** A clock by which whoever sleeps has slept after a few real milliseconds, and `times` as long as asked. */
export interface HastyClock extends Clock {
  times: number
}

export function hastyClock(times = 1): HastyClock {
  let now = 0
  const clock: HastyClock = {
    times,
    now: () => new Date(now),
    sleep: async (ms, signal) => {
      await wait(1, undefined, { signal })
      now += ms * clock.times
    },
  }
  return clock
}
