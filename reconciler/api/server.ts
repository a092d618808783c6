import { LogController, fastify, type FastifyInstance } from 'fastify'
import { statusApp } from './app.ts'
import type { DoorDeps } from './deps.ts'
import { sendError } from './problem.ts'

export interface ServerOptions {
  /** Whether to believe what a proxy says of the address a request comes from. Default: no. */
  readonly trustProxy?: boolean | string
}

/** No answer to a launcher or a reader needs a larger body. */
const bodyLimit = 64 * 1024
/** How long a request may take to arrive, in milliseconds. */
const requestTimeout = 30_000

/** The HTTP server with all doors, not listening yet. */
export async function createServer(deps: DoorDeps, options: ServerOptions = {}): Promise<FastifyInstance> {
  const server = fastify({
    loggerInstance: deps.log,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit,
    requestTimeout,
    forceCloseConnections: true,
    trustProxy: options.trustProxy ?? false,
    routerOptions: { ignoreTrailingSlash: true },
    frameworkErrors: (error, request, reply) => {
      void sendError(error, request, reply)
    },
  })
  await server.register(statusApp(deps))
  await server.ready()
  return server
}

/** Opens the doors. Port 0: any free one. Returns the URL without a slash at its end. */
export async function listen(
  server: FastifyInstance,
  address: { readonly host: string; readonly port: number },
): Promise<string> {
  return server.listen({ host: address.host, port: address.port })
}
