/** When a failed object is tried again. */
export interface BackOff {
  readonly failures: number
  /** Milliseconds since the epoch. */
  readonly until: number
  /** The revision it failed at: a new one is tried at once. */
  readonly revision: string
}

const first = 2_000
const factor = 3
const longest = 300_000

/** How long to wait after so many failures in a row: 2 s, tripling, to 300 s. In milliseconds. */
export function delayAfter(failures: number): number {
  return Math.min(longest, first * factor ** (failures - 1))
}

export function backOffAfter(before: BackOff | undefined, revision: string, now: number): BackOff {
  const failures = before?.revision === revision ? before.failures + 1 : 1
  return { failures, until: now + delayAfter(failures), revision }
}

/** Whether an object that failed may be tried now. */
export function mayTry(backOff: BackOff | undefined, revision: string, now: number): boolean {
  return backOff === undefined || backOff.revision !== revision || backOff.until <= now
}
