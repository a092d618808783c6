'use strict'
// Name and password of a member, compared here: it goes on while the reconciler is away.

const { createHash, createHmac } = require('node:crypto')
const { addressOf, createGuessLimit } = require('./guesses.cjs')
const { createNamedNetworks } = require('./named-networks.cjs')
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
/** Passwords that were wrong lately: the same one again is no new guess. */
const wrongKept = 1000
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
 * An unknown user costs what a known one costs: which one, a secret of the name's own decides, so that what a name costs,
 * however unusual, is no sign that somebody has it.
 * @param {Membership} known
 * @param {string} username
 * @param {string} secret
 */
function strangersHash({ members }, username, secret) {
  const hashes = [...members.values()].flatMap(({ passwordHash }) => passwordHash ?? [])
  const chance = createHmac('sha256', secret).update(`weir stranger ${username}`).digest().readUInt32BE()
  return hashes[chance % Math.max(1, hashes.length)] ?? nobody
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
 * @param {{ fromStack: NodeJS.Require, membership: () => Membership, secret: string }} parts
 */
function createVerify({ fromStack, membership, secret }) {
  const compare = createCompare(fromStack)
  /**
   * `wrong`: whether that is known, and not that nothing could be compared. `stillHolds`: whether the hash is that of before.
   * @param {Presented} presented
   * @returns {Promise<{ grant: Grant | undefined, wrong: boolean, stillHolds: () => boolean }>}
   */
  return async function verify({ username, password }) {
    const before = membership()
    const hash = before.members.get(username)?.passwordHash
    const compared = compare(password, hash ?? strangersHash(before, username, secret))
    const same = await compared.catch(() => undefined)
    // Asked again: the comparison takes a while, and somebody may have been removed meanwhile.
    const stillHolds = () => membership().members.get(username)?.passwordHash === hash
    const right = same === true && hash !== undefined && stillHolds()
    const wrong = same === false || (same === true && hash === undefined)
    return { grant: right ? { username, stillHolds } : undefined, wrong, stillHolds }
  }
}

/**
 * Any member, whatever the role, by name and password. Who was right is let in again from the same address without a
 * comparison, as long as Git declares that password, and whatever others try there. Who was wrong is refused again without
 * one, and without its being counted: a machine that nobody told of a new password must not use up its owner's guesses.
 * @param {{
 *   fromStack: NodeJS.Require,
 *   membership: () => Membership,
 *   now: () => number,
 *   mayAct: (request: import('./sign-in.cjs').Request, opensSocket: boolean) => boolean,
 *   tell: import('./strategy.cjs').Tell,
 *   secret: string,
 * }} parts `mayAct`: false for what a browser asks on behalf of another site. `secret`: the instance's own.
 */
function createBasicCheck({ fromStack, membership, now, mayAct, tell, secret }) {
  const verify = createVerify({ fromStack, membership, secret })
  const limit = createGuessLimit({ now, ...guesses })
  const turns = createTurns(comparisons)
  /** @type {ReturnType<typeof createRecent<Grant>>} */
  const right = createRecent(rightKept)
  /** Each with whether it is wrong still. @type {ReturnType<typeof createRecent<() => boolean>>} */
  const wrong = createRecent(wrongKept)
  const named = createNamedNetworks(now)
  /** @type {Map<string, Promise<import('./refusals.cjs').Verdict>>} */
  const underWay = new Map()

  /**
   * Names that nobody has are not told: whoever makes them up would fill the trail with them.
   * @param {'failed' | 'limited'} how
   * @param {string} username
   * @param {string} address
   * @returns {undefined}
   */
  function tellRefused(how, username, address) {
    const user = membership().members.has(username) ? username : undefined
    const from = named(address, user) ? ` from ${address}` : ''
    tell({
      event: 'sign-in-refused',
      target: `endpoints: ${how}${from}`,
      ...(user === undefined ? {} : { user }),
    })
  }
  /**
   * @param {Presented} presented
   * @param {string} address
   * @param {string} key
   * @returns {Promise<import('./refusals.cjs').Verdict>}
   */
  async function attempt(presented, address, key) {
    const { username } = presented
    const guess = { account: username, address }
    const retryAfter = limit.begin(guess)
    if (retryAfter > 0) {
      tellRefused('limited', username, address)
      return { refused: 429, retryAfter }
    }
    const turn = turns.take(async () => verify(presented))
    const verified = await turn
    if (verified === undefined || verified.grant !== undefined) limit.takeBack(guess)
    if (verified === undefined) return busy
    if (verified.wrong) wrong.set(key, verified.stillHolds)
    if (verified.grant === undefined) tellRefused('failed', username, address)
    return verified.grant
  }
  /**
   * @param {Presented} presented
   * @param {string} address
   * @returns {Promise<import('./refusals.cjs').Verdict>}
   */
  async function verdictOn(presented, address) {
    const parts = JSON.stringify([address, presented.username, presented.password])
    const key = createHash('sha256').update(parts).digest('base64')
    const known = right.get(key)
    if (known?.stillHolds() === true) return known
    right.delete(key)
    if (wrong.get(key)?.() === true) return tellRefused('failed', presented.username, address)
    const verdict = underWay.get(key) ?? attempt(presented, address, key).finally(() => underWay.delete(key))
    underWay.set(key, verdict)
    const settled = await verdict
    if (settled !== undefined && 'stillHolds' in settled) right.set(key, settled)
    return settled
  }
  /**
   * @param {import('./sign-in.cjs').Request} request
   * @param {boolean} [opensSocket]
   * @returns {Promise<import('./refusals.cjs').Verdict>}
   */
  return async function grantOf(request, opensSocket = false) {
    if (!mayAct(request, opensSocket)) return { refused: 403 }
    const presented = presentedIn(request.headers.authorization)
    return presented === undefined ? undefined : verdictOn(presented, addressOf(request))
  }
}

module.exports = { createBasicCheck }
