'use strict'
// People as Node-RED's editor knows them, and what their sessions began with.

const { randomBytes } = require('node:crypto')

/**
 * @typedef {import('./membership.cjs').Member} Member
 * @typedef {{ username: string, permissions: '*' | 'read' | [string, string] }} EditorUser
 */

/** Stands in the scope of a session, beside its permissions: none of Node-RED's is called so, and it grants nothing. */
const proofPrefix = 'weir-proof:'

/**
 * Undefined for one who has no editor.
 * @param {Member | undefined} member
 */
function asUser(member) {
  if (member === undefined || member.permissions === '') return undefined
  return { username: member.username, permissions: member.permissions }
}

/**
 * Node-RED makes the permissions of whoever signs in the scope of their session, and keeps that with it for as long as it
 * lasts: so the proof of a sign-in stands there from its first moment on, also after a restart.
 * @param {() => import('./membership.cjs').Membership} membership
 */
function createEditorUsers(membership) {
  /** By a name that is good for one question. @type {Map<string, EditorUser>} */
  const arriving = new Map()
  return {
    /**
     * Node-RED asks this at a sign-in, and for every request with a token: who is gone from the list is gone at once.
     * @param {string} name
     * @returns {Promise<EditorUser | null>}
     */
    async find(name) {
      const arrived = arriving.get(name)
      arriving.delete(name)
      return arrived ?? asUser(membership().members.get(name)) ?? null
    },
    /**
     * The name by which Node-RED is to look up somebody who has just signed in.
     * @param {string} username
     * @param {string | undefined} proof
     */
    nameFor(username, proof) {
      const user = asUser(membership().members.get(username))
      if (user === undefined || proof === undefined) return username
      const name = randomBytes(32).toString('base64url')
      arriving.set(name, { ...user, permissions: [user.permissions, proofPrefix + proof] })
      return name
    },
  }
}

/**
 * What a session may do, and what it began with; no proof in one that an earlier version made.
 * @param {string | string[] | undefined} scope
 */
function readScope(scope) {
  const parts = [scope ?? []].flat()
  const isProof = (/** @type {string} */ part) => part.startsWith(proofPrefix)
  return {
    permissions: parts.filter((part) => !isProof(part)),
    proof: parts.find(isProof)?.slice(proofPrefix.length),
  }
}

module.exports = { asUser, createEditorUsers, readScope }
