/** How long the launcher waits before it starts Node-RED again. Pure. */

const firstDelayMs = 1000
const longestDelayMs = 60_000
/** Health of this long says that the trouble before it is over. */
const recoveredAfterMs = 60_000

export interface NextStart {
  /** Ends in a row without a time of health between them, this one included. */
  readonly failures: number
  readonly delayMs: number
}

/** What follows an end (or a start that failed) after `failures` others in a row, `healthyMs` of health before it. */
export function afterEnd(failures: number, healthyMs: number): NextStart {
  const inARow = healthyMs >= recoveredAfterMs ? 1 : failures + 1
  return { failures: inARow, delayMs: backOff(inARow, firstDelayMs, longestDelayMs) }
}

/** `first` doubled for every failure after the first, up to `longest`; all in milliseconds. */
export function backOff(failures: number, first: number, longest: number): number {
  return Math.min(longest, first * 2 ** Math.min(30, Math.max(0, failures - 1)))
}
