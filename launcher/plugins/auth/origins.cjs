'use strict'

const { isSameOrigin, onlyReads } = require('./redirect-uris.cjs')

/** @typedef {{ origins: string[] }} Cors */

/** What a page may send to another site without its browser asking there first (https://fetch.spec.whatwg.org/#cors-safelisted-request-header). */
const simple = /^\s*(application\/x-www-form-urlencoded|multipart\/form-data|text\/plain)\s*(;|$)/i

/**
 * A browser adds a password that it knows to whatever any page asks, as it does with cookies. Only pages of this instance,
 * and of origins that it declares, may change anything or open a socket by it.
 *
 * With `*` a browser that asks first sends no password that it knows, and what it sends without asking cannot be told
 * from that of a page that has none: the former is taken, the latter not.
 * @param {{ uris: readonly string[], cors: Cors | undefined }} known
 */
function mayActFrom({ uris, cors }) {
  const origins = new Set(cors?.origins ?? [])
  /**
   * @param {import('./sign-in.cjs').Request} request
   * @param {boolean} opensSocket
   */
  return (request, opensSocket) => {
    if ((!opensSocket && onlyReads(request)) || isSameOrigin(request, uris)) return true
    const { method, headers } = request
    if (origins.has(headers.origin ?? '')) return true
    const asksFirst = method !== 'POST' || !simple.test(headers['content-type'] ?? 'text/plain')
    return origins.has('*') && !opensSocket && asksFirst
  }
}

module.exports = { mayActFrom }
