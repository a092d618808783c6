'use strict'
// The reconciler's OpenID Connect provider, as this instance's client sees it.

/**
 * @typedef {{ issuer: string, backChannel: string, clientId: string, clientSecret: string, redirectUris: readonly string[] }} Identity
 * @typedef {typeof import('openid-client')} OpenIdClient
 * @typedef {{ oidc: OpenIdClient, configuration: import('openid-client').Configuration }} Opened
 */

/** How long the provider may take for one answer. */
const patienceSeconds = 5

/** Nobody answers, or not with sense: an outage, which passes. */
class ProviderUnavailable extends Error {
  name = 'ProviderUnavailable'
}

/**
 * Browsers and instances reach one door by two names. The metadata speaks of the browsers'; what is asked from here
 * goes by the other, and nowhere else.
 * @param {Identity} identity
 */
function backChannelFetch({ issuer, backChannel }) {
  const [front, back] = [issuer, backChannel].map((url) => url.replace(/\/+$/, ''))
  /**
   * @param {string} url
   * @param {RequestInit} options
   */
  return async function fetchThere(url, options) {
    if (!url.startsWith(`${front}/`)) throw new ProviderUnavailable('an endpoint lies outside the issuer')
    const response = await fetch(back + url.slice(front.length), options).catch((error) => {
      throw new ProviderUnavailable('the provider does not answer', { cause: error })
    })
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
function createProvider(identity) {
  /** @type {Promise<OpenIdClient> | undefined} */
  let loading
  /**
   * Asks for the metadata anew each time: whether the provider is there is known before a browser is sent to it, and
   * keys may have changed.
   * @returns {Promise<Opened>}
   */
  async function open() {
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

  /**
   * Whose access token this is, by token introspection (RFC 7662). Undefined for one that is not of this instance's
   * client. `until`: when it ends, in milliseconds since the epoch.
   * @param {string} token
   * @returns {Promise<{ username: string, until: number } | undefined>}
   */
  async function ownerOf(token) {
    const { oidc, configuration } = await open()
    const { active, client_id: client, sub, exp } = await oidc.tokenIntrospection(configuration, token)
    if (!active || client !== identity.clientId) return undefined
    return sub === undefined || exp === undefined ? undefined : { username: sub, until: exp * 1000 }
  }
  return { open, ownerOf }
}

module.exports = { createProvider, isOutage, ProviderUnavailable }
