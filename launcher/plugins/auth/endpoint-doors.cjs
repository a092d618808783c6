'use strict'

const { hideCookies, hideCredentials } = require('./cookies.cjs')

/**
 * @typedef {import('./sign-in.cjs').Request} Request
 * @typedef {import('./sign-in.cjs').Response} Response
 * @typedef {import('./passwords.cjs').Grant} Grant
 * @typedef {{
 *   grantOf: (request: Request) => Promise<Grant | undefined>,
 *   refuse: (request: Request, response: Response) => unknown,
 * }} Check
 * @typedef {{
 *   request: Request, once(event: string, listener: () => void): unknown, disconnect(close: boolean): void
 * }} DashboardSocket Of socket.io.
 */

/**
 * The same check at every door that flows can open: HTTP nodes and all else below httpNode, sockets, dashboards.
 * @param {Check} check
 * @param {ReturnType<typeof import('./open-sockets.cjs').createOpenSockets>} sockets
 */
function guardedDoors({ grantOf, refuse }, sockets) {
  /**
   * @param {Request} request
   * @param {Response} response
   * @param {() => void} next
   */
  async function middleware(request, response, next) {
    if ((await grantOf(request).catch(() => undefined)) === undefined) return refuse(request, response)
    hideCredentials(request)
    return next()
  }
  /**
   * @param {DashboardSocket} socket
   * @param {(error?: Error) => void} next
   */
  async function ioMiddleware(socket, next) {
    const grant = await grantOf(socket.request).catch(() => undefined)
    if (grant === undefined) return next(new Error('unauthorized'))
    const { stillHolds } = grant
    sockets.add(socket, 'disconnect', { stillHolds, end: () => socket.disconnect(true) })
    hideCredentials(socket.request)
    return next()
  }
  return {
    httpNodeAuth: middleware,
    /**
     * @param {{ req: Request }} info
     * @param {(granted: boolean, code?: number) => void} answer
     */
    async webSocketNodeVerifyClient({ req }, answer) {
      const grant = await grantOf(req).catch(() => undefined)
      if (grant === undefined) return answer(false, 401)
      const { stillHolds } = grant
      sockets.add(req.socket, 'close', { stillHolds, end: () => req.socket.destroy() })
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
