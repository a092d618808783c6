'use strict'
// Tokens of which the provider is asked. Anybody may present one, so that strangers could have it asked without end.

const { createHash } = require('node:crypto')
const { createGuessLimit } = require('./guesses.cjs')
const { createRecent } = require('./recent.cjs')
const { createTurns } = require('./turns.cjs')

/** @typedef {{ username: string, until: number }} Owner */

const rightKept = 500
/** By address alone: a token names no account. The window is short, for machines that share an address. */
const guesses = { narrowly: 60, widely: 60, windowMs: 60_000 }
const questions = { atOnce: 4, waiting: 32 }
const busy = /** @type {const} */ ({ refused: 503, retryAfter: 2 })

/**
 * Asks of tokens, of few at once and, from one address, of few that are nobody's. A token that was somebody's until now
 * is asked of at any time, so that no stranger slows a machine that works.
 * @param {{ provider: { ownerOf(token: string): Promise<Owner | undefined> }, now: () => number }} parts
 */
function createQuestions({ provider, now }) {
  const limit = createGuessLimit({ now, ...guesses })
  const turns = createTurns(questions)
  /** When they end. @type {ReturnType<typeof createRecent<number>>} */
  const right = createRecent(rightKept)
  /**
   * Throws where the provider does not answer.
   * @param {string} token
   * @param {string} address
   * @returns {Promise<Owner | import('./refusals.cjs').Refusal | undefined>}
   */
  async function ownerOf(token, address) {
    const key = createHash('sha256').update(token).digest('base64')
    const ask = async () => {
      const owner = await provider.ownerOf(token)
      if (owner === undefined) right.delete(key)
      else right.set(key, owner.until)
      return owner
    }
    if (now() < (right.get(key) ?? 0)) return ask()
    const retryAfter = limit.begin({ address })
    if (retryAfter > 0) return { refused: 429, retryAfter }
    let counts = false
    try {
      const turn = turns.take(ask)
      if (turn === undefined) return busy
      const owner = await turn
      counts = owner === undefined
      return owner
    } finally {
      // What is right does not count, and an outage says nothing of a token.
      if (!counts) limit.takeBack({ address })
    }
  }
  return { ownerOf }
}

module.exports = { createQuestions }
