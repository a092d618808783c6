'use strict'
// Cookies (RFC 6265). A host's cookies are the same on all its ports, so that every name here carries its instance.

const { createHash } = require('node:crypto')

/** @typedef {{ headers: import('node:http').IncomingHttpHeaders, rawHeaders: string[] }} Headed */

const ours = 'weir_'

/**
 * The name of a cookie of one instance.
 * @param {string} what
 * @param {string} clientId
 */
function cookieName(what, clientId) {
  return `${ours}${what}_${createHash('sha256').update(clientId).digest('hex').slice(0, 12)}`
}

/**
 * @param {{ headers: import('node:http').IncomingHttpHeaders }} request
 * @returns {readonly (readonly [string, string])[]}
 */
function cookiesOf(request) {
  return (request.headers.cookie ?? '').split(';').flatMap((part) => {
    const at = part.indexOf('=')
    return at < 0 ? [] : [[part.slice(0, at).trim(), part.slice(at + 1).trim()]]
  })
}

/**
 * @param {{ headers: import('node:http').IncomingHttpHeaders }} request
 * @param {string} name
 */
function readCookie(request, name) {
  return cookiesOf(request).find(([known]) => known === name)?.[1]
}

/**
 * What flows see of a request has none of our cookies: on one host they would be those of other instances as well.
 * @param {Headed} request
 */
function hideCookies(request) {
  if (request.headers.cookie?.includes(ours) !== true) return
  const theirs = cookiesOf(request).filter(([name]) => !name.startsWith(ours))
  hideHeader(request, 'cookie', theirs.map(([name, value]) => `${name}=${value}`).join('; '))
}

/**
 * Flows do not see by what password or token somebody was let in either: it may open more than this instance.
 * @param {Headed} request
 */
function hideCredentials(request) {
  hideCookies(request)
  if (request.headers.authorization !== undefined) hideHeader(request, 'authorization', '')
}

/**
 * @param {Headed} request
 * @param {'cookie' | 'authorization'} name
 * @param {string} instead Empty: nothing.
 */
function hideHeader(request, name, instead) {
  const { headers, rawHeaders } = request
  for (let at = rawHeaders.length - 2; at >= 0; at -= 2)
    if (rawHeaders[at]?.toLowerCase() === name) rawHeaders.splice(at, 2)
  delete headers[name]
  if (instead === '') return
  rawHeaders.push(name, instead)
  headers[name] = instead
}

/**
 * @param {import('node:http').ServerResponse} response
 * @param {{ name: string, value: string, path: string, seconds: number, secure: boolean }} cookie
 */
function setCookie(response, { name, value, path, seconds, secure }) {
  const parts = [`${name}=${value}`, `Path=${path}`, `Max-Age=${seconds}`, 'HttpOnly', 'SameSite=Lax']
  response.appendHeader('Set-Cookie', [...parts, ...(secure ? ['Secure'] : [])].join('; '))
}

module.exports = { cookieName, hideCookies, hideCredentials, readCookie, setCookie }
