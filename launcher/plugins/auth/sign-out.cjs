'use strict'

const { redirect, showPage } = require('./pages.cjs')
const { isFollowedHere, isSameOrigin } = require('./redirect-uris.cjs')

/**
 * Where the editor sends somebody who has logged out. It ends the session at the endpoints too, and leads on to the provider,
 * which asks whether to sign out there (OpenID Connect RP-Initiated Logout 1.0). Whatever is answered, this browser does not
 * get into this instance again without a question. Who is sent here by a page from elsewhere is asked first.
 * @param {{
 *   identity: import('./provider.cjs').Identity | undefined,
 *   provider: { open(): Promise<import('./provider.cjs').Opened> } | undefined,
 *   signIn: { leave(response: import('node:http').ServerResponse): void } | undefined,
 *   sessions: { end(response: import('node:http').ServerResponse): void } | undefined,
 * }} parts
 */
function createSignOut({ identity, provider, signIn, sessions }) {
  const uris = identity?.redirectUris ?? []
  const leadsTo = identity === undefined ? [] : [new URL(identity.issuer).origin]
  async function atProvider() {
    const opened = await provider?.open()
    return opened?.oidc.buildEndSessionUrl(opened.configuration).href
  }
  /** @param {import('./sign-in.cjs').Request} request */
  const isWanted = (request) =>
    request.method === 'POST' ? isSameOrigin(request, uris) : isFollowedHere(request, uris)
  /**
   * @param {import('./sign-in.cjs').Request} request
   * @param {import('./sign-in.cjs').Response} response
   * @param {() => void} next
   */
  return async function signOut(request, response, next) {
    if (request.path !== signOutPath || !/^(GET|POST)$/.test(request.method ?? '')) return next()
    if (!isWanted(request)) return showPage(response, confirmation(leadsTo))
    sessions?.end(response)
    signIn?.leave(response)
    const location = await atProvider().catch(() => undefined)
    if (location !== undefined) return redirect(response, location)
    return showPage(response, {
      status: 200,
      title: 'You are signed out here',
      text: 'The place where people sign in does not answer. You may still be signed in there, and at other editors and pages that are open.',
      links: [['/', 'Sign in again']],
    })
  }
}

const signOutPath = '/_weir/sign-out'

/** @param {readonly string[]} leadsTo */
const confirmation = (leadsTo) => ({
  status: 200,
  title: 'Sign out?',
  text: 'This ends your sign-in to the pages of this instance in this browser. An editor that is open is left by its own menu.',
  form: { action: signOutPath, label: 'Sign out', leadsTo },
})

module.exports = { createSignOut, signOutPath }
