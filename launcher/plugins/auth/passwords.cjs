'use strict'
// Name and password of a member, compared here: it goes on while the reconciler is away.

const { createHash } = require('node:crypto')

/**
 * @typedef {import('./membership.cjs').Member} Member
 * @typedef {import('./membership.cjs').Membership} Membership
 * @typedef {{ username: string, stillHolds: () => boolean }} Grant Somebody who was let in, and whether they may stay.
 * @typedef {{ compare(password: string, hash: string): Promise<boolean> }} Bcrypt
 */

/** What a comparison costs when there is nobody to compare with. */
const nobody = '$2b$10$CwTycUXWue0Thq9StjUM0uJ8bT5rCjH1rX1oDk8kVpQxY0eHnZb3u'
const verdictsKept = 500

/**
 * bcrypt is the stack's own, the native one where it is there, as Node-RED does; argon2 is Weir's. Each is loaded
 * when the first hash of its kind is compared.
 * @param {NodeJS.Require} fromStack
 */
function createCompare(fromStack) {
  /** @type {Bcrypt | undefined} */
  let bcrypt
  function loadBcrypt() {
    try {
      return fromStack('@node-rs/bcrypt')
    } catch {
      return fromStack('bcryptjs')
    }
  }
  /**
   * @param {string} password
   * @param {string} hash
   * @returns {Promise<boolean>}
   */
  return async function compare(password, hash) {
    if (hash.startsWith('$argon2')) return require('@node-rs/argon2').verify(hash, password)
    bcrypt ??= loadBcrypt()
    return bcrypt?.compare(password, hash) ?? false
  }
}

/**
 * An unknown user costs what a known one costs.
 * @param {Membership} known
 */
function strangersHash(known) {
  const hashes = [...known.members.values()].flatMap(({ passwordHash }) => passwordHash ?? [])
  return hashes[0] ?? nobody
}

/**
 * @param {NodeJS.Require} fromStack
 * @param {() => Membership} membership
 */
function createVerify(fromStack, membership) {
  const compare = createCompare(fromStack)
  /**
   * @param {string} username
   * @param {string} password
   * @returns {Promise<Grant | undefined>}
   */
  return async function verify(username, password) {
    const before = membership()
    const hash = before.members.get(username)?.passwordHash
    const same = await compare(password, hash ?? strangersHash(before)).catch(() => false)
    // Asked again: the comparison takes a while, and somebody may have been removed meanwhile.
    const stillHolds = () => membership().members.get(username)?.passwordHash === hash
    return same && hash !== undefined && stillHolds() ? { username, stillHolds } : undefined
  }
}

/**
 * HTTP Basic (RFC 7617): any member, whatever the role. A verdict is kept while the list of members stays as it is,
 * by the digest of the header.
 * @param {NodeJS.Require} fromStack
 * @param {() => Membership} membership
 */
function createBasicCheck(fromStack, membership) {
  const verify = createVerify(fromStack, membership)
  /** @type {Map<string, Promise<Grant | undefined>>} */
  const verdicts = new Map()
  let version = ''
  /** @param {string} header */
  async function check(header) {
    const [, encoded] = /^Basic ([A-Za-z0-9+/=_-]+)$/i.exec(header) ?? []
    if (encoded === undefined) return undefined
    const [, username, password] = /^([^:]*):([^]*)$/.exec(Buffer.from(encoded, 'base64').toString()) ?? []
    return username === undefined || password === undefined ? undefined : verify(username, password)
  }
  /** @param {{ headers: import('node:http').IncomingHttpHeaders }} request */
  return async function grantOf(request) {
    const now = membership().version
    if (now !== version || verdicts.size >= verdictsKept) verdicts.clear()
    version = now
    const header = request.headers.authorization ?? ''
    const digest = createHash('sha256').update(header).digest('base64')
    const verdict = verdicts.get(digest) ?? check(header)
    verdicts.set(digest, verdict)
    return verdict
  }
}

module.exports = { createBasicCheck }
