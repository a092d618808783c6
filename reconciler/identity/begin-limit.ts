import { networkOf } from './network.ts'

/** How many sign-ins may begin from one network: each costs the store a record, or the upstream provider a request. */
export interface BeginLimitOptions {
  readonly begun: number
  /** In seconds. */
  readonly window: number
  /** So many networks are told apart; the one that was heard of longest ago makes room. */
  readonly networks?: number
}

/** Counts a sign-in that begins at an address. Returns how many seconds to wait where there were too many; 0: go ahead. */
export type BeginSignIn = (address: string) => number

/** A building behind one address can begin its shift with it. */
export const defaultBeginLimit: BeginLimitOptions = { begun: 300, window: 300 }

/** In memory: to count costs less than what is counted. A restart forgets it, and what has begun expires in half an hour. */
export function createBeginLimit(
  clock: { now(): Date },
  { begun, window, networks = 10_000 }: BeginLimitOptions = defaultBeginLimit,
): BeginSignIn {
  const counts = new Map<string, { readonly count: number; readonly endsAt: number }>()
  return (address) => {
    const now = clock.now().getTime()
    const network = networkOf(address)
    const before = counts.get(network)
    const { count, endsAt } =
      before !== undefined && before.endsAt > now ? before : { count: 0, endsAt: now + window * 1000 }
    if (count >= begun) return Math.ceil((endsAt - now) / 1000)
    counts.delete(network)
    counts.set(network, { count: count + 1, endsAt })
    const [oldest] = counts.keys()
    if (counts.size > networks && oldest !== undefined) counts.delete(oldest)
    return 0
  }
}
