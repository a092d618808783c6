'use strict'

const { readScope } = require('./editor-users.cjs')
const { isProved } = require('./membership.cjs')

/**
 * @typedef {import('./membership.cjs').Membership} Membership
 * @typedef {{ user: string, scope?: string | string[], expires: number, accessToken: string }} Session
 * @typedef {{ get(token: string): Promise<Session | null | undefined> }} Tokens
 */

/**
 * Whether a session may still do what it was allowed when its user signed in.
 * @param {Session} session
 * @param {Membership} membership
 */
function stillHolds({ user, scope }, membership) {
  const { permissions: had, proof } = readScope(scope)
  if (!isProved(membership, user, proof)) return false
  const permissions = membership.members.get(user)?.permissions
  return permissions === '*' || (permissions === 'read' && had.every((one) => /^(.+\.)?read$/.test(one)))
}

/**
 * Ends sessions whose user is no longer a member, may do less than before, or signs in by something else. Node-RED keeps
 * the rights of a session as they were at sign-in, and the sockets of its editor open, so both are ended here, by letting
 * the session expire.
 * @param {{ membership: () => Membership, fromStack: NodeJS.Require, openTokens: () => string[] }} parts
 */
function createSessionKeeper({ membership, fromStack, openTokens }) {
  /** @type {Tokens} */
  let tokens
  /** @param {string} token */
  async function holds(token) {
    tokens ??= fromStack('@node-red/editor-api/lib/auth/tokens')
    const session = await tokens.get(token)
    if (session === null || session === undefined) return false
    if (stillHolds(session, membership())) return true
    session.expires = 0
    await tokens.get(token)
    return false
  }
  /** All of them each time: one may have begun while it was demoted. */
  async function sweep() {
    for (const token of openTokens()) await holds(token)
  }
  return { holds, sweep }
}

module.exports = { createSessionKeeper }
