/** The longest wait, in intervals. */
const longest = 10

/**
 * The milliseconds until the next look: the interval, doubled with every failure in a row up to ten times, and spread
 * by 10 % either way, so that many reconcilers do not ask one server at the same moment.
 */
export function pollDelay(interval: number, failures: number, random: () => number): number {
  const factor = Math.min(longest, 2 ** Math.min(failures, longest))
  return interval * factor * (0.9 + 0.2 * random())
}
