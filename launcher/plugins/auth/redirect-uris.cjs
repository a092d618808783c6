'use strict'

const endings = { editor: '/auth/strategy/callback', endpoints: '/_weir/callback' }

/**
 * The declared redirect URI of that kind at the host by which the browser came, or else the first. The header chooses
 * and is never built in.
 * @param {readonly string[]} uris
 * @param {'editor' | 'endpoints'} kind
 * @param {string | undefined} host
 */
function chooseRedirectUri(uris, kind, host) {
  const fitting = uris.filter((uri) => new URL(uri).pathname.endsWith(endings[kind]))
  return fitting.find((uri) => isAt(uri, host)) ?? fitting[0]
}

/**
 * @param {string} uri
 * @param {string | undefined} host
 */
function isAt(uri, host) {
  const { protocol, host: declared } = new URL(uri)
  const came = URL.parse(`${protocol}//${host ?? ''}`)
  return came !== null && came.host === declared
}

/**
 * Whether a request comes from a page of this instance, as far as its browser tells. Instances on one host are one
 * site to a browser, and its cookies would come along from the pages of the others.
 * @param {{ headers: import('node:http').IncomingHttpHeaders }} request
 * @param {readonly string[]} uris
 */
function isSameOrigin({ headers }, uris) {
  const { origin, host } = headers
  // Where a browser sends it, it is what the browser knows, whatever a proxy made of the host (https://www.w3.org/TR/fetch-metadata/).
  const site = headers['sec-fetch-site']
  if (site === 'same-origin') return true
  if (origin === undefined) return site !== 'same-site' && site !== 'cross-site'
  const from = URL.parse(origin)
  if (from === null) return false
  return (
    from.host === URL.parse(`${from.protocol}//${host ?? ''}`)?.host ||
    uris.some((uri) => new URL(uri).origin === origin)
  )
}

/**
 * Whether a link was followed on a page of this instance. Browsers that do not say so (Fetch Metadata, over plain HTTP) say
 * which page it was on, unless that page tells them not to.
 * @param {{ headers: import('node:http').IncomingHttpHeaders }} request
 * @param {readonly string[]} uris
 */
function isFollowedHere({ headers }, uris) {
  const { referer, 'sec-fetch-site': site } = headers
  if (site !== undefined) return site === 'same-origin'
  const origin = URL.parse(referer ?? '')?.origin
  return origin !== undefined && isSameOrigin({ headers: { ...headers, origin } }, uris)
}

/**
 * Safe by its method (RFC 9110, 9.2.1), and opens no socket.
 * @param {{ method?: string | undefined, headers: import('node:http').IncomingHttpHeaders }} request
 */
function onlyReads({ method, headers }) {
  return /^(GET|HEAD|OPTIONS)$/.test(method ?? '') && headers.upgrade === undefined
}

/**
 * A path on this instance, with its query; `/` for all that a browser would take for an address elsewhere.
 * @param {unknown} path
 */
function localPath(path) {
  const longest = 1500
  if (typeof path !== 'string' || path.length > longest || !/^\/(?![/\\])[\x21-\x5b\x5d-\x7e]*$/.test(path))
    return '/'
  return URL.parse(path, 'http://here')?.origin === 'http://here' ? path : '/'
}

module.exports = { chooseRedirectUri, isFollowedHere, isSameOrigin, localPath, onlyReads }
