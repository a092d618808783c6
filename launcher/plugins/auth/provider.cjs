'use strict'
// The reconciler's OpenID Connect provider, as this instance's client sees it.

/**
 * @typedef {{ issuer: string, backChannel: string, clientId: string, clientSecret: string, redirectUris: readonly string[] }} Identity
 * @typedef {typeof import('openid-client')} OpenIdClient
 * @typedef {{ oidc: OpenIdClient, configuration: import('openid-client').Configuration }} Opened
 */

/** How long the provider may take for one answer. */
const patienceSeconds = 5

/** How often in a second the provider is asked for its metadata at most, whatever strangers do. */
const mostAsked = 5
/** How long metadata serves where the next question tells of an outage by itself, in milliseconds. */
const knownMs = 30_000

/** Nobody answers, or not with sense: an outage, which passes. */
class ProviderUnavailable extends Error {
  /** @override */
  name = 'ProviderUnavailable'
}

/**
 * Browsers and instances reach one door by two names. The metadata speaks of the browsers'; what is asked from here
 * goes by the other, and nowhere else.
 * @param {Identity} identity
 */
function backChannelFetch({ issuer, backChannel }) {
  const [front = '', back = ''] = [issuer, backChannel].map((url) => url.replace(/\/+$/, ''))
  /**
   * @param {string} url
   * @param {import('openid-client').CustomFetchOptions} options
   */
  return async function fetchThere(url, { body, ...options }) {
    if (!url.startsWith(`${front}/`)) throw new ProviderUnavailable('an endpoint lies outside the issuer')
    const response = await fetch(back + url.slice(front.length), { ...options, body: body ?? null }).catch(
      (error) => {
        throw new ProviderUnavailable('the provider does not answer', { cause: error })
      },
    )
    if (response.status >= 500) throw new ProviderUnavailable(`the provider answers ${response.status}`)
    return response
  }
}

/** @param {unknown} error */
function isOutage(error) {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (at instanceof ProviderUnavailable || at.name === 'TimeoutError' || at.name === 'AbortError')
      return true
  }
  return false
}

/**
 * openid-client is loaded at the first use: most starts of Node-RED see nobody sign in for hours.
 * @param {Identity} identity
 */
function createDiscovery(identity) {
  /** @type {Promise<OpenIdClient> | undefined} */
  let loading
  /** @returns {Promise<Opened>} */
  return async function discover() {
    loading ??= import('openid-client')
    const oidc = await loading
    const insecure = identity.issuer.startsWith('http:') ? [oidc.allowInsecureRequests] : []
    const configuration = await oidc
      .discovery(
        new URL(identity.issuer),
        identity.clientId,
        { client_secret: identity.clientSecret },
        oidc.ClientSecretBasic(identity.clientSecret),
        {
          [oidc.customFetch]: backChannelFetch(identity),
          timeout: patienceSeconds,
          // The signature of an ID token is checked although it comes straight from the provider: the way there may be plain HTTP.
          execute: [...insecure, oidc.enableNonRepudiationChecks],
        },
      )
      .catch((error) => {
        throw new ProviderUnavailable('the provider does not say what it offers', { cause: error })
      })
    return { oidc, configuration }
  }
}

/**
 * @param {Identity} identity
 * @param {() => number} now
 */
function createProvider(identity, now) {
  const discover = createDiscovery(identity)
  /** @type {{ asked: number, outcome: Promise<Opened>, settled: boolean } | undefined} */
  let last
  let second = { began: 0, asked: 0 }

  function ask() {
    const answer = { asked: now(), outcome: discover(), settled: false }
    last = answer
    second.asked += 1
    const settle = () => void (answer.settled = true)
    answer.outcome.then(settle, settle)
    return answer.outcome
  }
  /**
   * Asks for the metadata anew: whether the provider is there is known before a browser is sent to it, and keys may have
   * changed. All who want to know at once share one answer; where very many do, an answer, or an outage, serves a second.
   * @returns {Promise<Opened>}
   */
  async function open() {
    if (last?.settled === false) return last.outcome
    if (now() >= second.began + 1000) second = { began: now(), asked: 0 }
    return last !== undefined && second.asked >= mostAsked ? last.outcome : ask()
  }
  /**
   * The metadata as it was told lately.
   * @returns {Promise<Opened>}
   */
  async function opened() {
    if (last === undefined || now() >= last.asked + knownMs) return open()
    return last.outcome.catch(open)
  }

  /**
   * Whose access token this is, by token introspection (RFC 7662). Undefined for one that is not of this instance's
   * client. `until`: when it ends, in milliseconds since the epoch.
   * @param {string} token
   * @returns {Promise<{ username: string, until: number } | undefined>}
   */
  async function ownerOf(token) {
    const { oidc, configuration } = await opened()
    const { active, client_id: client, sub, exp } = await oidc.tokenIntrospection(configuration, token)
    if (!active || client !== identity.clientId) return undefined
    return sub === undefined || exp === undefined ? undefined : { username: sub, until: exp * 1000 }
  }
  return { open, ownerOf }
}

module.exports = { createProvider, isOutage, ProviderUnavailable }
