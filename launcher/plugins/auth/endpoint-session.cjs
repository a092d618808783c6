'use strict'
// Members at the flows' endpoints: a browser's session after sign-in, or a machine's bearer token.

const { bearerOf } = require('./admin-door.cjs')
const { cookieName, readCookie, setCookie } = require('./cookies.cjs')
const { isProved } = require('./membership.cjs')
const { redirect, showPage } = require('./pages.cjs')
const { addressOf } = require('./guesses.cjs')
const { isSameOrigin, onlyReads } = require('./redirect-uris.cjs')
const { createSeal } = require('./sealed.cjs')

/**
 * @typedef {import('./sign-in.cjs').Request} Request
 * @typedef {import('./sign-in.cjs').Response} Response
 * @typedef {import('./passwords.cjs').Grant} Grant
 */

/**
 * @param {{
 *   identity: import('./provider.cjs').Identity,
 *   membership: () => import('./membership.cjs').Membership,
 *   now: () => number,
 *   seconds: number,
 * }} parts `seconds`: how long a session lasts.
 */
function createEndpointSessions({ identity, membership, now, seconds }) {
  const { seal, open } = createSeal(identity.clientSecret, `endpoints of ${identity.clientId}`, now)
  const name = cookieName('session', identity.clientId)
  return {
    /**
     * The member whose session a browser has. Only a page of this instance may use it to change anything.
     * @param {Request} request
     * @param {boolean} [opensSocket]
     * @returns {Grant | undefined}
     */
    grantOf(request, opensSocket = false) {
      const session = open(readCookie(request, name))
      const acts = opensSocket || !onlyReads(request)
      if (session === undefined || (acts && !isSameOrigin(request, identity.redirectUris))) return undefined
      const { proof } = session.content
      const username = String(session.content['username'])
      const stillHolds = () => isProved(membership(), username, proof) && now() < session.until
      return stillHolds() ? { username, stillHolds } : undefined
    },
    /**
     * @param {Response} response
     * @param {{ username: string, proof: string, secure: boolean }} signedIn
     */
    start(response, { username, proof, secure }) {
      const value = seal({ username, proof }, seconds * 1000)
      setCookie(response, { name, value, path: '/', seconds, secure })
    },
    /** @param {Response} response */
    end: (response) => setCookie(response, { name, value: '', path: '/', seconds: 0, secure: false }),
  }
}

const here = 'Sign in again'
const pages = {
  unavailable: {
    status: 503,
    title: 'Nobody can sign in right now',
    text: 'The place where people sign in does not answer. Whoever is signed in already stays so.',
  },
  'not-begun': {
    status: 400,
    title: 'This sign-in cannot be finished',
    text: 'It was begun in another browser or at another address, or took too long, or this browser keeps no cookies.',
    links: /** @type {const} */ ([['/', here]]),
  },
  failed: {
    status: 400,
    title: 'This sign-in did not succeed',
    text: 'What came back from the place where people sign in was not valid, or was used before.',
    links: /** @type {const} */ ([['/', here]]),
  },
  refused: {
    status: 403,
    title: 'These pages are not open to you',
    text: 'Only people whom the team of this instance names may open them.',
    links: /** @type {const} */ ([['/_weir/sign-in', 'Sign in as somebody else']]),
  },
}

/**
 * @param {{
 *   signIn: ReturnType<typeof import('./sign-in.cjs').createSignIn> | undefined,
 *   sessions: ReturnType<typeof createEndpointSessions> | undefined,
 *   bearers: (token: string, address: string) => Promise<import('./refusals.cjs').Verdict>,
 *   tell: import('./strategy.cjs').Tell,
 * }} parts Without a provider there are bearer tokens alone.
 */
function createMembersCheck({ signIn, sessions, bearers, tell }) {
  /**
   * @param {Request} request
   * @param {boolean} [opensSocket]
   */
  async function grantOf(request, opensSocket) {
    const token = bearerOf(request)
    return token === undefined ? sessions?.grantOf(request, opensSocket) : bearers(token, addressOf(request))
  }
  /**
   * @param {Request} request
   * @param {Response} response
   * @param {{ returnTo: string, again?: boolean }} wish
   */
  async function begin(request, response, wish) {
    const location = await signIn?.begin(request, response, { kind: 'endpoints', ...wish })
    if (location !== undefined) return redirect(response, location)
    return showPage(response, { ...pages.unavailable, links: [[request.originalUrl ?? '/', 'Retry']] })
  }
  /**
   * A browser that opens a page goes to sign in; everybody else is told what to bring (RFC 6750).
   * @param {Request} request
   * @param {Response} response
   */
  async function refuse(request, response) {
    const opensPage = request.method === 'GET' && /\btext\/html\b/.test(request.headers.accept ?? '')
    if (opensPage && bearerOf(request) === undefined) {
      return begin(request, response, { returnTo: request.originalUrl ?? '/' })
    }
    response.writeHead(401, { 'WWW-Authenticate': 'Bearer realm="Node-RED"' })
    response.end()
  }
  /**
   * @param {Request} request
   * @param {Response} response
   */
  async function finish(request, response) {
    const outcome = (await signIn?.finish(request, response, 'endpoints')) ?? { kind: 'unavailable' }
    if (outcome.kind === 'unavailable') {
      return showPage(response, { ...pages.unavailable, links: [['/', 'Retry']] })
    }
    if (outcome.kind !== 'signed-in') {
      if (outcome.kind === 'refused' || outcome.kind === 'failed')
        tell({ event: 'sign-in-refused', target: `endpoints: ${outcome.kind}` })
      return showPage(response, pages[outcome.kind])
    }
    const { username, proof, returnTo, secure } = outcome
    const known = proof !== undefined
    tell({ event: known ? 'sign-in' : 'sign-in-refused', user: username, target: 'endpoints' })
    if (!known) return showPage(response, pages.refused)
    sessions?.start(response, { username, proof, secure })
    return redirect(response, returnTo)
  }

  /**
   * The pages of the way to sign in and back, which stand before all that flows may open.
   * @param {Request} request
   * @param {Response} response
   * @param {() => void} next
   */
  async function routes(request, response, next) {
    if (request.method !== 'GET') return next()
    if (request.path === '/_weir/callback') return finish(request, response)
    if (request.path === '/_weir/sign-in') return begin(request, response, { returnTo: '/', again: true })
    return next()
  }
  return { grantOf, refuse, routes }
}

module.exports = { createEndpointSessions, createMembersCheck }
