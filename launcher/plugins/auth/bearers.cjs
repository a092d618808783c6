'use strict'
// Bearer tokens of machines: declared in Git, or issued by the provider to this instance's client.

const { createHash, timingSafeEqual } = require('node:crypto')
const { isProved } = require('./membership.cjs')

/**
 * @typedef {import('./membership.cjs').Membership} Membership
 * @typedef {import('./refusals.cjs').Refusal} Refusal
 * @typedef {import('./questions.cjs').Owner} Owner
 * @typedef {{ username: string, declared: boolean, stillHolds: () => boolean }} BearerGrant
 */

/** How long an answer of the provider holds, and how many are kept. */
const keptMs = 4000
const mostKept = 500
/** Tokens of the provider look like this, those of Node-RED's own sessions do not: they are nobody else's business. */
const likeAnAccessToken = /^[\w.~-]{16,4096}$/

/**
 * @param {{
 *   membership: () => Membership,
 *   provider: { ownerOf(token: string, address: string): Promise<Owner | Refusal | undefined> } | undefined,
 *   now: () => number,
 * }} parts
 */
function createBearers({ membership, provider, now }) {
  /** Each with the members from before the provider was asked. @type {Map<string, { asked: number, before: Membership, owner: Promise<Owner | Refusal | undefined> }>} */
  const asked = new Map()

  /**
   * The member that declares this token. Every declared one is compared, each in constant time.
   * @param {Buffer} digest
   */
  function declaredOwner(digest) {
    let owner
    for (const { username, tokens = [] } of membership().members.values())
      for (const { sha256, expires } of tokens) {
        const declared = Buffer.from(sha256, 'hex')
        const same = declared.length === digest.length && timingSafeEqual(declared, digest)
        // A date that cannot be read counts as past.
        if (same && (expires === undefined || now() < Date.parse(expires))) owner = username
      }
    return owner
  }

  /**
   * @param {string} token
   * @param {string} key
   * @param {string} address
   */
  function issuedOwner(token, key, address) {
    if (provider === undefined || !likeAnAccessToken.test(token)) return undefined
    const known = asked.get(key)
    if (known !== undefined && now() < known.asked + keptMs) return known
    asked.delete(key)
    if (asked.size >= mostKept) asked.delete(asked.keys().next().value ?? '')
    // An outage is an answer too, and as short-lived: nobody gets in meanwhile.
    const owner = provider.ownerOf(token, address).catch(() => undefined)
    const answer = { asked: now(), before: membership(), owner }
    asked.set(key, answer)
    return answer
  }

  /**
   * @param {string} token
   * @param {string} address Where it comes from.
   * @returns {Promise<BearerGrant | Refusal | undefined>}
   */
  return async function grantOf(token, address) {
    const digest = createHash('sha256').update(token).digest()
    const declares = declaredOwner(digest)
    if (declares !== undefined) {
      return { username: declares, declared: true, stillHolds: () => declaredOwner(digest) === declares }
    }
    const answer = issuedOwner(token, digest.toString('base64'), address)
    const issued = await answer?.owner
    if (answer === undefined || issued === undefined) return undefined
    if ('refused' in issued) return issued
    const { username, until } = issued
    const proof = answer.before.members.get(username)?.proof
    const stillHolds = () => isProved(membership(), username, proof) && now() < until
    return stillHolds() ? { username, declared: false, stillHolds } : undefined
  }
}

module.exports = { createBearers }
