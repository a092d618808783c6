import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import type Docker from 'dockerode'
import type { Logger } from 'pino'
import type { Clock } from '../../telemetry/clock.ts'
import type { DriverEvent } from '../driver.ts'
import { unlessAborted } from '../shared-work.ts'
import type { ConnectionLoss } from './connection-loss.ts'
import { labels } from './container-spec.ts'
import { uidOf } from './engine.ts'
import { engineError } from './engine-error.ts'
import { asEvent, type EngineEvent } from './engine-schema.ts'
import type { Inspections } from './inspections.ts'

/** What of a container, and of its place in a network, is worth a look. */
const filters = {
  type: ['container' as const, 'network' as const],
  event: 'create start die oom pause unpause rename update destroy connect disconnect'.split(' '),
}

/** Told in the middle of a change of our own, too: it may not be of our doing. */
const harmful = new Set(['die', 'oom', 'pause', 'destroy', 'disconnect'])

/** In milliseconds. A stream that ended is asked for again after a pause that grows. */
const firstPauseMs = 500
const longestPauseMs = 30_000
const connectWithinMs = 15_000

export interface EventParts {
  readonly docker: Docker
  readonly fleet: string
  readonly inspections: Pick<Inspections, 'trust' | 'forget'>
  /** Containers of this fleet by id, which each look fills: what is told of networks names no uid. */
  readonly uids: Map<string, string>
  /** Whether it is being changed by us: what is told of that needs no second look. */
  readonly isChanging: (uid: string) => boolean
  /** A stream whose other end is gone without a word looks like one that has nothing to tell. */
  readonly loss: Pick<ConnectionLoss, 'next'>
  readonly clock: Clock
  readonly log: Pick<Logger, 'warn'>
}

/** Where the stream goes on. */
interface Place {
  /** The engine's own time, in seconds; undefined before the first stream stood. */
  since: number | undefined
  /** Before the next try, in milliseconds. */
  pause: number
}

/**
 * The engine's event stream, taken up again from where it broke. What was missed because the engine forgot it (it keeps the
 * last 256, and none over a restart) is covered by one event without a uid after each break.
 */
export async function* containerEvents(parts: EventParts, signal: AbortSignal): AsyncGenerator<DriverEvent> {
  const place: Place = { since: undefined, pause: firstPauseMs }
  while (!signal.aborted) {
    try {
      yield* oneStream(parts, place, signal)
    } catch (error) {
      if (!signal.aborted) parts.log.warn({ err: error }, 'the event stream of the engine broke')
    }
    await parts.clock.sleep(place.pause, signal).catch(() => undefined)
    place.pause = Math.min(place.pause * 2, longestPauseMs)
  }
}

async function* oneStream(
  parts: EventParts,
  place: Place,
  signal: AbortSignal,
): AsyncGenerator<DriverEvent, void> {
  const again = place.since !== undefined
  const whileAnswered = AbortSignal.any([signal, parts.loss.next()])
  place.since ??= await engineTime(parts.docker, whileAnswered)
  const lines = await openStream(parts.docker, place.since, whileAnswered)
  parts.inspections.trust(true)
  try {
    place.pause = firstPauseMs
    if (again) yield {}
    for await (const line of lines) yield* seen(parts, place, line)
  } finally {
    parts.inspections.trust(false)
  }
}

async function engineTime(docker: Docker, signal: AbortSignal): Promise<number> {
  const limit = AbortSignal.timeout(connectWithinMs)
  try {
    const info: unknown = await unlessAborted(docker.info(), AbortSignal.any([signal, limit]))
    const time =
      typeof info === 'object' && info !== null && 'SystemTime' in info ? String(info.SystemTime) : ''
    const seconds = Math.floor(Date.parse(time) / 1000)
    return Number.isFinite(seconds) ? seconds : 0
  } catch (error) {
    throw engineError(error, { call: 'tell its time', limit })
  }
}

async function openStream(
  docker: Docker,
  since: number,
  signal: AbortSignal,
): Promise<AsyncIterable<string>> {
  const connecting = new AbortController()
  const giveUp = setTimeout(() => connecting.abort(), connectWithinMs)
  try {
    const abortSignal = AbortSignal.any([signal, connecting.signal])
    const stream = await unlessAborted(docker.getEvents({ since, filters, abortSignal }), abortSignal)
    return createInterface({ input: new Readable().wrap(stream), crlfDelay: Infinity })
  } finally {
    clearTimeout(giveUp)
  }
}

function* seen(parts: EventParts, place: Place, line: string): Generator<DriverEvent> {
  if (line === '') return
  const event = asEvent(JSON.parse(line))
  place.since = Math.max(place.since ?? 0, event.time)
  const found = ours(parts, event)
  if (found === undefined) return
  parts.inspections.forget(found.id)
  if (harmful.has(event.Action) || !parts.isChanging(found.uid)) yield { uid: found.uid }
}

function ours(
  { fleet, uids }: Pick<EventParts, 'fleet' | 'uids'>,
  { Type, Action, Actor }: EngineEvent,
): { readonly id: string; readonly uid: string } | undefined {
  if (Type === 'network') {
    const id = Actor.Attributes['container'] ?? ''
    const uid = uids.get(id)
    return uid === undefined ? undefined : { id, uid }
  }
  if (Actor.Attributes[labels.fleet] !== fleet) return undefined
  const uid = uidOf({ Id: Actor.ID, Labels: Actor.Attributes })
  if (Action === 'destroy') uids.delete(Actor.ID)
  else uids.set(Actor.ID, uid)
  return { id: Actor.ID, uid }
}
