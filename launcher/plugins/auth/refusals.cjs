'use strict'
// Refusals that are no question of who somebody is.

/**
 * @typedef {{ refused: 403 | 429 | 503, retryAfter?: number }} Refusal 403: a browser on behalf of another site; 429:
 * wrong too often; 503: too much to check at once. `retryAfter`: in seconds.
 * @typedef {import('./passwords.cjs').Grant | Refusal | undefined} Verdict Undefined: nobody who is known.
 */

/** @type {Readonly<Record<Refusal['refused'], string>>} */
const texts = {
  403: 'A page of another site asked for this. If it may, declare its origin in endpoints.cors.origins.',
  429: 'Too many failed sign-ins from here. Wait before the next one.',
  503: 'Too many sign-ins are being checked. Try again in a moment.',
}

/** @param {Refusal} refusal */
function refusalHeaders({ retryAfter }) {
  return retryAfter === undefined ? {} : { 'Retry-After': String(retryAfter) }
}

/**
 * @param {import('node:http').ServerResponse} response
 * @param {Refusal} refusal
 */
function sendRefusal(response, refusal) {
  response.writeHead(refusal.refused, {
    'Content-Type': 'text/plain; charset=utf-8',
    'Cache-Control': 'no-store',
    ...refusalHeaders(refusal),
  })
  response.end(`${texts[refusal.refused]}\n`)
}

module.exports = { refusalHeaders, sendRefusal }
