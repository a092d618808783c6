'use strict'
// Who Git allows in, as the launcher wrote it last.

const { readFileSync, statSync } = require('node:fs')

/**
 * @typedef {{
 *   username: string, displayName?: string, permissions: '*' | 'read' | '', proof?: string, passwordHash?: string,
 *   tokens?: { sha256: string, expires?: string }[],
 * }} Member `permissions` are Node-RED's; `''`: endpoints and dashboards only. `proof` changes with the password or the e-mail
 * address; absent in a list of an earlier version. `expires`: RFC 3339.
 * @typedef {{ members: Map<string, Member>, version: string }} Membership
 */

/**
 * The declared members, read again whenever their file changes. Where it cannot be read nobody is a member.
 * @param {string} file
 * @returns {() => Membership}
 */
function createMembership(file) {
  /** @type {Membership} */
  let current = { members: new Map(), version: '' }
  return function membership() {
    try {
      const { mtimeMs, ctimeMs, ino, size } = statSync(file)
      const version = [mtimeMs, ctimeMs, ino, size].join(' ')
      if (version !== current.version) {
        /** @type {Member[]} */
        const list = JSON.parse(readFileSync(file, 'utf8'))
        current = { members: new Map(list.map((member) => [member.username, member])), version }
      }
    } catch {
      current = { members: new Map(), version: 'unreadable' }
    }
    return current
  }
}

/**
 * Whether somebody is a member, and signs in by what they signed in by when a session was begun with this proof.
 * @param {Membership} membership
 * @param {string} username
 * @param {unknown} proof Undefined for what an earlier version began: it is over.
 */
function isProved({ members }, username, proof) {
  return proof !== undefined && members.get(username)?.proof === proof
}

module.exports = { createMembership, isProved }
