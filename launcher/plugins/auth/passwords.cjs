'use strict'
// Name and password of a member, compared here: it goes on while the reconciler is away.

const { createHash } = require('node:crypto')
const { addressOf, createGuessLimit } = require('./guesses.cjs')
const { createRecent } = require('./recent.cjs')
const { createTurns } = require('./turns.cjs')

/**
 * @typedef {import('./membership.cjs').Member} Member
 * @typedef {import('./membership.cjs').Membership} Membership
 * @typedef {{ username: string, stillHolds: () => boolean }} Grant Somebody who was let in, and whether they may stay.
 * @typedef {{ compare(password: string, hash: string): Promise<boolean> }} Bcrypt
 * @typedef {{ username: string, password: string }} Presented
 */

/** What a comparison costs when there is nobody to compare with. */
const nobody = '$2b$10$CwTycUXWue0Thq9StjUM0uJ8bT5rCjH1rX1oDk8kVpQxY0eHnZb3u'
/** Machines that were right: an attempt of theirs costs no comparison. Whoever was not right takes no room here. */
const rightKept = 1000
/** As at the doors of the reconciler. */
const guesses = { narrowly: 10, widely: 100, windowMs: 300_000 }
/** A comparison is made to cost memory and time, and Node-RED has both to share with flows. */
const comparisons = { atOnce: 2, waiting: 64 }
const busy = /** @type {const} */ ({ refused: 503, retryAfter: 2 })

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
 * HTTP Basic (RFC 7617).
 * @param {string | undefined} header
 * @returns {Presented | undefined}
 */
function presentedIn(header) {
  const [, encoded] = /^Basic ([A-Za-z0-9+/=_-]+)$/i.exec(header ?? '') ?? []
  if (encoded === undefined) return undefined
  const [, username, password] = /^([^:]*):([^]*)$/.exec(Buffer.from(encoded, 'base64').toString()) ?? []
  return username === undefined || password === undefined ? undefined : { username, password }
}

/**
 * @param {NodeJS.Require} fromStack
 * @param {() => Membership} membership
 */
function createVerify(fromStack, membership) {
  const compare = createCompare(fromStack)
  /**
   * @param {Presented} presented
   * @returns {Promise<Grant | undefined>}
   */
  return async function verify({ username, password }) {
    const before = membership()
    const hash = before.members.get(username)?.passwordHash
    const same = await compare(password, hash ?? strangersHash(before)).catch(() => false)
    // Asked again: the comparison takes a while, and somebody may have been removed meanwhile.
    const stillHolds = () => membership().members.get(username)?.passwordHash === hash
    return same && hash !== undefined && stillHolds() ? { username, stillHolds } : undefined
  }
}

/**
 * Any member, whatever the role, by name and password. Who was right is let in again from the same address without a
 * comparison, as long as Git declares that password, and whatever others try there.
 * @param {{
 *   fromStack: NodeJS.Require,
 *   membership: () => Membership,
 *   now: () => number,
 *   mayAct: (request: import('./sign-in.cjs').Request) => boolean,
 *   tell: import('./strategy.cjs').Tell,
 * }} parts `mayAct`: false for what a browser asks on behalf of another site.
 */
function createBasicCheck({ fromStack, membership, now, mayAct, tell }) {
  const verify = createVerify(fromStack, membership)
  const limit = createGuessLimit({ now, ...guesses })
  const turns = createTurns(comparisons)
  /** @type {ReturnType<typeof createRecent<Grant>>} */
  const right = createRecent(rightKept)
  /** @type {Map<string, Promise<import('./refusals.cjs').Verdict>>} */
  const underWay = new Map()

  /**
   * Names that nobody has are not told: whoever makes them up would fill the trail with them.
   * @param {string} username
   */
  function tellFailed(username) {
    const known = membership().members.has(username)
    tell({ event: 'sign-in-refused', target: 'endpoints: failed', ...(known ? { user: username } : {}) })
  }
  /**
   * @param {Presented} presented
   * @param {string} address
   * @returns {Promise<import('./refusals.cjs').Verdict>}
   */
  async function attempt(presented, address) {
    const { username } = presented
    const guess = { account: username, address }
    const retryAfter = limit.begin(guess)
    if (retryAfter > 0) {
      tell({ event: 'sign-in-refused', target: 'endpoints: limited' })
      return { refused: 429, retryAfter }
    }
    const turn = turns.take(async () => verify(presented))
    const grant = await turn
    if (turn === undefined || grant !== undefined) limit.takeBack(guess)
    if (turn === undefined) return busy
    if (grant === undefined) tellFailed(username)
    return grant
  }
  /**
   * @param {import('./sign-in.cjs').Request} request
   * @returns {Promise<import('./refusals.cjs').Verdict>}
   */
  return async function grantOf(request) {
    if (!mayAct(request)) return { refused: 403 }
    const presented = presentedIn(request.headers.authorization)
    if (presented === undefined) return undefined
    const address = addressOf(request)
    const parts = JSON.stringify([address, presented.username, presented.password])
    const key = createHash('sha256').update(parts).digest('base64')
    const known = right.get(key)
    if (known?.stillHolds() === true) return known
    right.delete(key)
    const verdict = underWay.get(key) ?? attempt(presented, address).finally(() => underWay.delete(key))
    underWay.set(key, verdict)
    const settled = await verdict
    if (settled !== undefined && 'stillHolds' in settled) right.set(key, settled)
    return settled
  }
}

module.exports = { createBasicCheck }
