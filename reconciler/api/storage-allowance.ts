import type { FastifyReply, FastifyRequest } from 'fastify'
import { RateLimiterMemory } from 'rate-limiter-flexible'
import { instanceOf } from './instance-token.ts'
import { Problem } from './problem.ts'

/** What one instance may ask of its storage. */
export interface StorageAllowance {
  readonly requests: number
  /** In seconds. */
  readonly window: number
  /** Writes under way: each may hold its whole content in memory. */
  readonly writes: number
}

/** Far more than Node-RED asks for, whatever is done in its editor. */
export const defaultStorageAllowance: StorageAllowance = { requests: 1200, window: 60, writes: 4 }

/** A hook before bodies are read: 429 with `retry-after` where one instance asks for too much. The storage module waits then. */
export function storageAllowance({ requests, window, writes }: StorageAllowance = defaultStorageAllowance) {
  const meter = new RateLimiterMemory({ points: requests, duration: window })
  const underWay = new Map<string, number>()
  return async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const { uid } = instanceOf(request)
    const within = await meter.consume(uid).then(
      () => true,
      () => false,
    )
    const count = underWay.get(uid) ?? 0
    const writing = request.method === 'PUT'
    if (!within || (writing && count >= writes))
      throw new Problem(429, 'An instance may not ask that much of its storage.', { 'retry-after': '5' })
    if (!writing) return
    underWay.set(uid, count + 1)
    // Also where the other side went away.
    reply.raw.once('close', () => {
      const left = (underWay.get(uid) ?? 1) - 1
      if (left > 0) underWay.set(uid, left)
      else underWay.delete(uid)
    })
  }
}
