'use strict'
// Brings to the reconciler what could not be brought at once.

const firstPauseMs = 1000
const longestPauseMs = 30_000

/**
 * The pause after so many failures in a row: doubling, and spread so that a fleet does not ask in step.
 * @param {number} failures
 * @param {number} random from 0 to 1
 */
function pauseAfter(failures, random) {
  return Math.min(longestPauseMs, firstPauseMs * 2 ** (failures - 1)) * (0.5 + random / 2)
}

/**
 * Calls `attempt` when woken, and again with pauses until it says that nothing is left to do. One call at a time.
 * @param {{ attempt: () => Promise<boolean>, random: () => number, failed?: (error: unknown) => void }} parts `failed`: an
 * attempt threw, which is told once for each reason
 */
function createDelivery({ attempt, random, failed }) {
  let working = false
  let said = ''
  let woken = false
  /** @type {(() => void) | undefined} */
  let endPause
  /** @param {number} ms */
  function pause(ms) {
    return new Promise((resolve) => {
      // Node-RED may end meanwhile: what is left lies on the disk.
      const timer = setTimeout(resolve, ms).unref()
      endPause = () => {
        clearTimeout(timer)
        resolve(undefined)
      }
    })
  }
  /** @param {unknown} error */
  function missed(error) {
    if (String(error) !== said) failed?.(error)
    said = String(error)
    return false
  }
  /** @param {boolean} soon */
  async function work(soon) {
    let failures = 0
    if (!soon) await pause(pauseAfter(1, random()))
    for (;;) {
      woken = false
      const done = await attempt().catch(missed)
      if (done && !woken) return
      failures = done ? 0 : failures + 1
      if (!done && !woken) await pause(pauseAfter(failures, random()))
      endPause = undefined
    }
  }
  /** @param {boolean} soon */
  function begin(soon) {
    if (working) return
    working = true
    void work(soon).finally(() => {
      working = false
    })
  }
  return {
    /** Something is to be delivered: now, whatever pause is on. */
    wake() {
      woken = true
      endPause?.()
      begin(true)
    },

    /** There is something to do again, and it was tried just now. */
    wakeLater() {
      begin(false)
    },
  }
}

/** One after the other, whatever becomes of each. */
function createTurns() {
  /** @type {Promise<unknown>} */
  let last = Promise.resolve()
  /**
   * @template T
   * @param {() => Promise<T>} run
   * @returns {Promise<T>}
   */
  return function inTurn(run) {
    const turn = last.then(run)
    last = turn.catch(() => undefined)
    return turn
  }
}

module.exports = { createDelivery, createTurns, pauseAfter }
