import { BlockList, isIPv6 } from 'node:net'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { DoorDeps } from '../../deps.ts'
import { problemResponses } from '../../problem.ts'
import { text } from '../../schemas.ts'
import { signIn } from '../../sign-in.ts'

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

const schema = {
  summary:
    'Metrics in the text format of Prometheus. From this machine without sign-in, else for anybody declared.',
  response: {
    200: { description: 'The metrics.', content: { 'text/plain': { schema: text } } },
    ...problemResponses,
  },
}

/** `GET /metrics`: sums over the fleet, and no name of a user or secret. */
export function metricsRoute(app: FastifyInstance, { metrics, authenticate }: DoorDeps): void {
  app.get('/metrics', { schema }, async (request, reply) => {
    if (!isLocal(request)) await signIn(authenticate, request)
    return reply.type(metrics.contentType).send(await metrics.metrics())
  })
}

/** A proxy on this machine speaks for others, and says so. */
function isLocal({ headers, ip }: FastifyRequest): boolean {
  if (headers['x-forwarded-for'] !== undefined || headers.forwarded !== undefined) return false
  return loopback.check(ip, isIPv6(ip) ? 'ipv6' : 'ipv4')
}
