import { fastify } from 'fastify'
import { sendProblem } from './problem.ts'
import { listen } from './server.ts'

/**
 * What answers where the doors will be, while the store is away: the process works, and is not ready. `why`: what is waited for,
 * for people.
 */
export async function openWaitingRoom(
  address: { readonly host: string; readonly port: number },
  why: () => string,
): Promise<AsyncDisposable> {
  const server = fastify({ forceCloseConnections: true })
  server.get('/healthz', async () => ({ status: 'ok' }))
  server.setNotFoundHandler(async (_request, reply) =>
    sendProblem(reply.header('retry-after', '2'), 503, why()),
  )
  await listen(server, address)
  return { [Symbol.asyncDispose]: async () => server.close() }
}
