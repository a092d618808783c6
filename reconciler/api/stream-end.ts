import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Authenticate } from '../identity/authenticate.ts'
import type { Viewer } from '../model/viewer.ts'
import type { FleetEvent, FleetStatusFeed } from '../status/fleet-status.ts'
import { authenticateRequest } from './sign-in.ts'

const defaultHeartbeat = 3000

export interface StreamDeps {
  readonly feed: FleetStatusFeed
  readonly authenticate: Authenticate
  /** In milliseconds. */
  readonly heartbeat?: number
  /** Aborted when the server closes. */
  readonly closing: AbortSignal
}

export interface StreamOptions {
  /** Whether somebody who is let in may still read this. Default: yes. */
  readonly mayRead?: (viewer: Viewer) => boolean
  /** Called as often as time alone may have ended a right. */
  readonly beat?: () => void
  /** Called with each event until the end. */
  readonly hear?: (event: FleetEvent) => void
}

/**
 * A signal that is aborted when a streamed answer has to end: its reader has gone, the server closes, the reader's
 * credential no longer lets them in (expired, revoked, changed), or they may read this no longer. What Git changes is
 * heeded with the news of it, everything else at the next beat.
 */
export function streamEnd(
  { feed, authenticate, heartbeat = defaultHeartbeat, closing }: StreamDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  { mayRead = () => true, beat = () => undefined, hear = () => undefined }: StreamOptions,
): AbortSignal {
  const ended = new AbortController()
  const end = (): void => ended.abort()
  const check = async (): Promise<void> => {
    const answer = await authenticateRequest(authenticate, request)
    if (answer.kind !== 'viewer' || !mayRead(answer.viewer)) end()
  }
  const timer = setInterval(() => {
    beat()
    void check().catch(end)
  }, heartbeat)
  let { desired, inventory } = feed.current()
  const unsubscribe = feed.subscribe((event) => {
    hear(event)
    const now = feed.current()
    if (now.desired === desired && now.inventory === inventory) return
    ;({ desired, inventory } = now)
    void check().catch(end)
  })
  reply.raw.once('close', end)
  closing.addEventListener('abort', end, { once: true })
  ended.signal.addEventListener('abort', () => {
    clearInterval(timer)
    unsubscribe()
    closing.removeEventListener('abort', end)
  })
  if (closing.aborted) end()
  return ended.signal
}
