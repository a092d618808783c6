'use strict'
// The authorization code flow with PKCE (OpenID Connect Core 3.1, RFC 7636), for the editor and for endpoints.

const { cookieName, readCookie, setCookie } = require('./cookies.cjs')
const { isOutage } = require('./provider.cjs')
const { chooseRedirectUri, localPath } = require('./redirect-uris.cjs')
const { createSeal } = require('./sealed.cjs')

/**
 * @typedef {import('node:http').ServerResponse} Response
 * @typedef {{
 *   headers: import('node:http').IncomingHttpHeaders, rawHeaders: string[], method?: string, url?: string, originalUrl?: string,
 *   path: string, socket: import('node:net').Socket, res: Response
 * }} Request As Express knows it.
 * @typedef {'editor' | 'endpoints'} Kind
 * @typedef {{ kind: 'signed-in', username: string, proof: string | undefined, returnTo: string, secure: boolean }
 *   | { kind: 'not-begun' | 'refused' | 'failed' | 'unavailable' }} Outcome
 * `proof`: what the session is to be begun with; undefined for somebody who is no member. `not-begun`: not by this browser, or too long ago; `refused`: the provider lets this person not in here.
 */

const pendingMs = 10 * 60_000
/** Tabs of one browser that may sign in at once. */
const slots = 4
/** How long a browser remembers that somebody signed out, in seconds: as long as browsers keep a cookie. */
const leftSeconds = 400 * 24 * 60 * 60

/**
 * @param {{
 *   identity: import('./provider.cjs').Identity,
 *   provider: { open(): Promise<import('./provider.cjs').Opened> },
 *   membership: () => import('./membership.cjs').Membership,
 *   now: () => number,
 * }} parts
 */
function createSignIn({ identity, provider, membership, now }) {
  const { seal, open } = createSeal(identity.clientSecret, `sign-in of ${identity.clientId}`, now)
  /** @param {string} state */
  const nameFor = (state) => cookieName(`signin${state.charCodeAt(0) % slots}`, identity.clientId)
  const left = { name: cookieName('left', identity.clientId), path: '/', secure: false }

  /**
   * Where to send the browser; undefined while the provider is away. What the way back needs is left with the browser.
   * @param {Request} request
   * @param {Response} response
   * @param {{ kind: Kind, returnTo?: string, again?: boolean }} wish `again`: ask for a person even where one is signed in.
   * @returns {Promise<string | undefined>}
   */
  async function begin(request, response, { kind, returnTo, again }) {
    const redirectUri = chooseRedirectUri(identity.redirectUris, kind, request.headers.host)
    const opened = redirectUri === undefined ? undefined : await provider.open().catch(() => undefined)
    if (redirectUri === undefined || opened === undefined) return undefined
    const { oidc, configuration } = opened
    const [state, nonce, verifier] = [oidc.randomState(), oidc.randomNonce(), oidc.randomPKCECodeVerifier()]
    setCookie(response, {
      name: nameFor(state),
      value: seal({ kind, state, nonce, verifier, redirectUri, returnTo: localPath(returnTo) }, pendingMs),
      path: new URL(redirectUri).pathname,
      seconds: pendingMs / 1000,
      secure: redirectUri.startsWith('https:'),
    })
    return oidc.buildAuthorizationUrl(configuration, {
      redirect_uri: redirectUri,
      scope: 'openid',
      state,
      nonce,
      code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      ...(again === true || readCookie(request, left.name) !== undefined ? { prompt: 'login' } : {}),
    }).href
  }

  /**
   * What was left with this browser when it went to the provider. It serves once.
   * @param {Request} request
   * @param {Response} response
   * @param {string | null} state
   */
  function recall(request, response, state) {
    if (state === null || state === '') return undefined
    const name = nameFor(state)
    const pending = open(readCookie(request, name))?.content
    if (pending === undefined || pending['state'] !== state) return undefined
    const url = new URL(String(pending['redirectUri']))
    const secure = url.protocol === 'https:'
    setCookie(response, { name, value: '', path: url.pathname, seconds: 0, secure })
    return { pending, url, secure }
  }

  /**
   * What a browser that comes back from the provider brings.
   * @param {Request} request
   * @param {Response} response
   * @param {Kind} kind
   * @returns {Promise<Outcome>}
   */
  async function finish(request, response, kind) {
    const { search, searchParams } = new URL(request.originalUrl ?? '/', 'http://here')
    const begun = recall(request, response, searchParams.get('state'))
    if (begun === undefined || begun.pending['kind'] !== kind) return { kind: 'not-begun' }
    if (searchParams.get('error') === 'access_denied') return { kind: 'refused' }
    const { pending, url, secure } = begun
    url.search = search
    // From before the provider is asked: what changes meanwhile ends the session.
    const { members } = membership()
    try {
      const username = await redeem(provider, url, pending)
      setCookie(response, { ...left, value: '', seconds: 0 })
      const proof = members.get(username)?.proof
      return { kind: 'signed-in', username, proof, returnTo: localPath(pending['returnTo']), secure }
    } catch (error) {
      return { kind: isOutage(error) ? 'unavailable' : 'failed' }
    }
  }

  /**
   * Notes that somebody signed out in this browser: whoever signs in here next is asked who they are, also where the
   * provider would know.
   * @param {Response} response
   */
  const leave = (response) => setCookie(response, { ...left, value: '1', seconds: leftSeconds })
  return { begin, finish, leave }
}

/**
 * The code for an ID token, and who it names.
 * @param {{ open(): Promise<import('./provider.cjs').Opened> }} provider
 * @param {URL} url
 * @param {Record<string, unknown>} pending
 */
async function redeem(provider, url, pending) {
  const { oidc, configuration } = await provider.open()
  const tokens = await oidc.authorizationCodeGrant(configuration, url, {
    pkceCodeVerifier: String(pending['verifier']),
    expectedState: String(pending['state']),
    expectedNonce: String(pending['nonce']),
    idTokenExpected: true,
  })
  const subject = tokens.claims()?.sub
  if (subject === undefined) throw new Error('the provider names nobody')
  return subject
}

module.exports = { createSignIn }
