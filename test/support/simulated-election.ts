import { setImmediate as turn } from 'node:timers/promises'
import type { ElectionClock } from '../../reconciler/election/campaign.ts'
import { createElection } from '../../reconciler/election/election.ts'
import { timing } from '../../reconciler/election/timing.ts'
import type { LeaseRecord, LeaseVersion, Term } from '../../reconciler/model/lease.ts'

/** What happens to one of the reconcilers, at a time in milliseconds. */
export interface Mishap {
  readonly at: number
  readonly who: number
  /**
   * `hold`: the process stands still until `go`. `cut`: the lease cannot be reached until `join`. `lose`: what is written arrives, its
   * answer does not, until `join`. `slow`: its answer comes late, until `join`.
   */
  readonly kind: 'hold' | 'go' | 'cut' | 'lose' | 'slow' | 'join'
}

/** Something that a leader did. */
export interface Act {
  readonly at: number
  readonly who: number
  readonly term: number
}

interface Timer {
  readonly at: number
  readonly who: number
  readonly fire: () => void
}

/** Milliseconds between two acts of a leader. */
const actEvery = 100
/** Milliseconds that a slow answer takes. */
const slowness = 6_000

/**
 * Reconcilers that share a lease, in a time of their own. Each clock begins elsewhere, and none is told what the others show.
 * Returns what was done until `end`.
 */
export async function simulateElection(
  count: number,
  mishaps: readonly Mishap[],
  end: number,
): Promise<readonly Act[]> {
  const acts: Act[] = []
  const ending = new AbortController()
  const state = Array.from({ length: count }, () => ({ held: false, link: 'join' as Mishap['kind'] }))
  const timers = new Set<Timer>()
  let now = 0
  const lease = memoryLease()

  const clockOf = (who: number): ElectionClock => ({
    now: () => new Date(now + who * 3_600_000),
    elapsed: () => now + who * 1_000_000,
    sleep: async (ms, signal) => {
      signal.throwIfAborted()
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      const timer = { at: now + ms, who, fire: resolve }
      timers.add(timer)
      const abort = (): void => {
        timers.delete(timer)
        reject(signal.reason)
      }
      signal.addEventListener('abort', abort, { once: true })
      await promise
      signal.removeEventListener('abort', abort)
    },
  })
  const linkOf = (who: number): LeaseRecord => {
    const clock = clockOf(who)
    const through = async <T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> => {
      if (state[who]?.link === 'cut') throw new Error('out of reach')
      const answer = await work()
      if (state[who]?.link === 'slow') await clock.sleep(slowness, signal)
      if (state[who]?.link === 'lose') throw new Error('no answer')
      return answer
    }
    return {
      read: async (signal) => through(async () => lease.read(signal), signal),
      write: async (next, over, signal) => through(async () => lease.write(next, over, signal), signal),
    }
  }
  const takePart = async (who: number): Promise<void> => {
    const clock = clockOf(who)
    const deps = { record: linkOf(who), name: `r${who}`, clock, timing, isOutage: () => true }
    const election = createElection(deps, { onChange: () => undefined, onOutage: () => undefined })
    const lead = async (term: Term, signal: AbortSignal): Promise<void> => {
      for (;;) {
        await clock.sleep(actEvery, signal)
        term.check()
        acts.push({ at: now, who, term: term.number })
      }
    }
    await election.run({ follow: async (signal) => clock.sleep(end * 2, signal), lead }, ending.signal)
  }

  const running = Promise.all(Array.from({ length: count }, async (_, who) => takePart(who)))
  const pending = mishaps.toSorted((one, other) => one.at - other.at)
  while (now < end) {
    await turn()
    const ready = [...timers].filter(({ who }) => state[who]?.held !== true)
    const next = ready.toSorted((one, other) => one.at - other.at)[0]
    const mishap = pending[0]
    if (mishap !== undefined && mishap.at <= (next?.at ?? end)) {
      pending.shift()
      now = Math.max(now, mishap.at)
      const one = state[mishap.who]
      if (one === undefined) continue
      if (mishap.kind === 'hold' || mishap.kind === 'go') one.held = mishap.kind === 'hold'
      else one.link = mishap.kind
    } else if (next === undefined) break
    else {
      now = Math.max(now, next.at)
      timers.delete(next)
      next.fire()
    }
  }
  ending.abort(new Error('the end'))
  for (let left = 0; left < 5; left++) await turn()
  for (const { fire } of timers) fire()
  await running
  return acts
}

function memoryLease(): LeaseRecord {
  let stands: LeaseVersion | undefined
  let written = 0
  return {
    read: async () => stands,
    write: async (lease, over) => {
      if (stands?.version !== over) return undefined
      stands = { ...lease, version: String(++written) }
      return stands
    },
  }
}
