import type { Lease, LeaseRecord, LeaseVersion } from '../model/lease.ts'
import type { Timing } from './timing.ts'

export interface ElectionClock {
  now(): Date
  /** Milliseconds of a clock that nobody sets. */
  elapsed(): number
  sleep(ms: number, signal: AbortSignal): Promise<void>
}

export interface ElectionDeps {
  readonly record: LeaseRecord
  /** Of this process, and of no other one ever. */
  readonly name: string
  readonly clock: ElectionClock
  readonly timing: Timing
  /** Whether it may be over by itself. Any other error ends the election. */
  readonly isOutage: (error: unknown) => boolean
}

/** What a campaign sees on its way. */
export interface CampaignEvents {
  /** The lease is another one's, who has renewed it since it was first seen (`alive`) or has not yet. */
  readonly onHeld: (lease: LeaseVersion, alive: boolean) => void
  readonly onOutage: (error: unknown) => void
}

export interface Won {
  readonly lease: LeaseVersion
  /** When it was asked for, by `elapsed` and by the time of day: nobody waited for longer than from then on. */
  readonly asked: Moment
}

export interface Moment {
  readonly elapsed: number
  readonly time: number
}

/**
 * Looks at the lease until it can be had: where nobody holds it, where this process did, or where it was not renewed for its
 * duration. That is measured from when a renewal was first seen, by a clock of this process: times of other machines are
 * compared with nothing. As client-go does it:
 * https://github.com/kubernetes/client-go/blob/master/tools/leaderelection/leaderelection.go
 * @throws AbortError, and what is no outage.
 */
export async function campaign(
  deps: ElectionDeps,
  events: CampaignEvents,
  signal: AbortSignal,
): Promise<Won> {
  const watch = createWatch(deps.clock)
  for (;;) {
    signal.throwIfAborted()
    const won = await attempt(deps, watch, events, signal)
    if (won !== undefined) return won
    await deps.clock.sleep(deps.timing.every, signal)
  }
}

async function attempt(
  deps: ElectionDeps,
  watch: Watch,
  { onHeld, onOutage }: CampaignEvents,
  signal: AbortSignal,
): Promise<Won | undefined> {
  try {
    const lease = await deps.record.read(signal)
    const { silent, alive } = watch(lease)
    if (mayBeTaken(lease, deps.name, silent)) return await take(deps, lease, signal)
    if (lease !== undefined) onHeld(lease, alive)
  } catch (error) {
    signal.throwIfAborted()
    if (!deps.isOutage(error)) throw error
    onOutage(error)
  }
  return undefined
}

/** For how many milliseconds a lease has been seen as it is, and whether it was ever seen to change. */
type Watch = (lease: LeaseVersion | undefined) => { readonly silent: number; readonly alive: boolean }

function createWatch(clock: ElectionClock): Watch {
  let seen: { readonly version: string | undefined; readonly at: number } | undefined
  let alive = false
  return (lease) => {
    const now = clock.elapsed()
    if (seen === undefined || seen.version !== lease?.version) {
      alive = seen !== undefined
      seen = { version: lease?.version, at: now }
    }
    return { silent: now - seen.at, alive }
  }
}

function mayBeTaken(lease: LeaseVersion | undefined, name: string, silent: number): boolean {
  return lease === undefined || lease.holder === '' || lease.holder === name || silent >= lease.duration
}

async function take(
  { record, name, clock, timing }: ElectionDeps,
  before: LeaseVersion | undefined,
  signal: AbortSignal,
): Promise<Won | undefined> {
  const asked = momentOf(clock)
  const since = clock.now().toISOString()
  const lease: Lease = { term: (before?.term ?? 0) + 1, holder: name, since, duration: timing.duration }
  const written = await record.write(lease, before?.version, signal)
  return written && { lease: written, asked }
}

export function momentOf(clock: ElectionClock): Moment {
  return { elapsed: clock.elapsed(), time: clock.now().getTime() }
}
