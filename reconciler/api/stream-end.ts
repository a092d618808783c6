import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Authenticate } from '../identity/authenticate.ts'
import { authenticateRequest } from './sign-in.ts'

const defaultHeartbeat = 15_000

export interface StreamDeps {
  readonly authenticate: Authenticate
  /** In milliseconds. */
  readonly heartbeat?: number
  /** Aborted when the server closes. */
  readonly closing: AbortSignal
}

/**
 * A signal that is aborted when a streamed answer has to end: its reader has gone, the server closes, or the reader's
 * credential no longer lets them in (expired, revoked, changed). `beat` is called as often as that is checked.
 */
export function streamEnd(
  { authenticate, heartbeat = defaultHeartbeat, closing }: StreamDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  beat: () => void = () => undefined,
): AbortSignal {
  const ended = new AbortController()
  const end = (): void => ended.abort()
  const check = async (): Promise<void> => {
    beat()
    const { kind } = await authenticateRequest(authenticate, request)
    if (kind !== 'viewer') end()
  }
  const timer = setInterval(() => void check().catch(end), heartbeat)
  reply.raw.once('close', end)
  closing.addEventListener('abort', end, { once: true })
  ended.signal.addEventListener('abort', () => {
    clearInterval(timer)
    closing.removeEventListener('abort', end)
  })
  if (closing.aborted) end()
  return ended.signal
}
