'use strict'

const { redirect, showPage } = require('./pages.cjs')

/**
 * Where the editor sends somebody who has logged out: on to the provider, which would let them in again unasked
 * otherwise (OpenID Connect RP-Initiated Logout 1.0).
 * @param {{
 *   provider: { open(): Promise<import('./provider.cjs').Opened> } | undefined,
 *   sessions: { end(response: import('node:http').ServerResponse): void } | undefined,
 * }} parts
 */
function createSignOut({ provider, sessions }) {
  async function atProvider() {
    const opened = await provider?.open()
    return opened?.oidc.buildEndSessionUrl(opened.configuration).href
  }
  /**
   * @param {import('./sign-in.cjs').Request} request
   * @param {import('./sign-in.cjs').Response} response
   * @param {() => void} next
   */
  return async function signOut(request, response, next) {
    if (request.method !== 'GET' || request.path !== signOutPath) return next()
    sessions?.end(response)
    const location = await atProvider().catch(() => undefined)
    if (location !== undefined) return redirect(response, location)
    return showPage(response, {
      status: 200,
      title: 'You are signed out here',
      text: 'The place where people sign in does not answer. You may still be signed in there.',
      links: [['/', 'Sign in again']],
    })
  }
}

const signOutPath = '/_weir/sign-out'

module.exports = { createSignOut, signOutPath }
