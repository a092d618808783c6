'use strict'

const { hideCookies, hideCredentials } = require('./cookies.cjs')
const { refusalHeaders, sendRefusal } = require('./refusals.cjs')

/**
 * @typedef {import('./sign-in.cjs').Request} Request
 * @typedef {import('./sign-in.cjs').Response} Response
 * @typedef {import('./refusals.cjs').Verdict} Verdict
 * @typedef {{
 *   grantOf: (request: Request, opensSocket?: boolean) => Promise<Verdict>,
 *   refuse: (request: Request, response: Response) => unknown,
 * }} Check `opensSocket`: whatever its method and headers say.
 * @typedef {{
 *   request: Request, disconnect(close: boolean): void,
 *   conn: { readyState: string, once(event: string, listener: () => void): unknown },
 * }} DashboardSocket Of socket.io. `conn` is what it comes by.
 */

/**
 * The same check at every door that flows can open: HTTP nodes and all else below httpNode, sockets, dashboards.
 * @param {Check} check
 * @param {ReturnType<typeof import('./open-sockets.cjs').createOpenSockets>} sockets
 */
function guardedDoors({ grantOf, refuse }, sockets) {
  /**
   * @param {Request} request
   * @param {boolean} [opensSocket]
   */
  const verdictOn = async (request, opensSocket) => grantOf(request, opensSocket).catch(() => undefined)
  /** Requests that were let in at a static folder, and come by again with their credentials hidden. @type {WeakSet<Request>} */
  const letIn = new WeakSet()
  /**
   * @param {Request} request
   * @param {Response} response
   * @param {() => void} next
   */
  async function middleware(request, response, next) {
    if (letIn.has(request)) return next()
    const verdict = await verdictOn(request)
    if (verdict === undefined) return refuse(request, response)
    if ('refused' in verdict) return sendRefusal(response, verdict)
    letIn.add(request)
    hideCredentials(request)
    return next()
  }
  /**
   * @param {DashboardSocket} socket
   * @param {(error?: Error) => void} next
   */
  async function ioMiddleware(socket, next) {
    // By polling, a socket begins with a request that looks as if it only read.
    const verdict = await verdictOn(socket.request, true)
    if (verdict === undefined || 'refused' in verdict) return next(new Error('unauthorized'))
    const { stillHolds } = verdict
    sockets.add(socket.conn, { stillHolds, end: () => socket.disconnect(true) })
    hideCredentials(socket.request)
    return next()
  }
  return {
    httpNodeAuth: middleware,
    /**
     * @param {{ req: Request }} info
     * @param {(granted: boolean, code?: number, reason?: string, headers?: object) => void} answer
     */
    async webSocketNodeVerifyClient({ req }, answer) {
      const verdict = await verdictOn(req, true)
      if (verdict === undefined) return answer(false, 401)
      if ('refused' in verdict) return answer(false, verdict.refused, undefined, refusalHeaders(verdict))
      const { stillHolds } = verdict
      sockets.add(req.socket, { stillHolds, end: () => req.socket.destroy() })
      hideCredentials(req)
      return answer(true)
    },
    dashboard: { ioMiddleware },
    ui: { ioMiddleware },
  }
}

/** Doors that stand open to anybody: flows see no cookie of ours there either. */
function openDoors() {
  /**
   * @param {Request} request
   * @param {Response} _response
   * @param {() => void} next
   */
  function middleware(request, _response, next) {
    hideCookies(request)
    return next()
  }
  return { httpNodeAuth: middleware }
}

module.exports = { guardedDoors, openDoors }
