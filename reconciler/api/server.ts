import { LogController, fastify, type FastifyInstance } from 'fastify'
import { statusApp } from './app.ts'
import type { DoorDeps } from './deps.ts'
import { sendError } from './problem.ts'
import { hasCode } from '../model/has-code.ts'

/** No answer to a launcher or a reader needs a larger body. */
const bodyLimit = 64 * 1024
/** How long a request may take to arrive, in milliseconds: large flows come on slow lines. */
const requestTimeout = 600_000
/** How long its head may take, by which it is known whether its sender may come in. */
const headersTimeout = 30_000

/** The HTTP server with all doors, not listening yet. */
export async function createServer(deps: DoorDeps): Promise<FastifyInstance> {
  const server = fastify({
    loggerInstance: deps.log,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit,
    requestTimeout,
    http: { headersTimeout },
    forceCloseConnections: true,
    routerOptions: { ignoreTrailingSlash: true },
    trustProxy: deps.trustProxy === undefined || deps.trustProxy.length === 0 ? false : [...deps.trustProxy],
    frameworkErrors: (error, request, reply) => {
      void sendError(error, request, reply)
    },
  })
  await server.register(statusApp(deps))
  await server.ready()
  return server
}

/** Nothing can listen at the address that the configuration names. */
export class ListenError extends Error {
  constructor(host: string, port: number, cause: unknown) {
    const why = hasCode(cause, 'EADDRINUSE')
      ? 'another program uses the port'
      : cause instanceof Error
        ? cause.message
        : String(cause)
    super(`cannot listen on ${host}:${port}: ${why}; end it, or choose another address with --listen`, {
      cause,
    })
    this.name = 'ListenError'
  }
}

/** Opens the doors. Port 0: any free one. Returns the URL without a slash at its end. */
export async function listen(
  server: FastifyInstance,
  address: { readonly host: string; readonly port: number },
): Promise<string> {
  const { host, port } = address
  return server.listen({ host, port }).catch((cause: unknown) => {
    throw new ListenError(host, port, cause)
  })
}
