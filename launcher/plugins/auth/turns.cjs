'use strict'

/**
 * So much at once, in the order it came, and a bounded line of what waits.
 * @param {{ atOnce: number, waiting: number }} most
 */
function createTurns({ atOnce, waiting }) {
  let running = 0
  /** @type {(() => void)[]} */
  const line = []
  function leave() {
    const next = line.shift()
    if (next === undefined) running -= 1
    else next()
  }
  /**
   * What the work gives; undefined, at once, where the line is full.
   * @template Result
   * @param {() => Promise<Result>} work
   * @returns {Promise<Result> | undefined}
   */
  function take(work) {
    if (running < atOnce) {
      running += 1
      return Promise.resolve().then(work).finally(leave)
    }
    if (line.length >= waiting) return undefined
    /** @type {Promise<void>} */
    const turn = new Promise((resolve) => line.push(resolve))
    return turn.then(work).finally(leave)
  }
  return { take }
}

module.exports = { createTurns }
