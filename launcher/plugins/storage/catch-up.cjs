'use strict'
// After flows were loaded without the store: its flows, as soon as it answers.

const { createDelivery } = require('./delivery.cjs')
const { patientMs } = require('./door.cjs')

/**
 * @typedef {{
 *   door: import('./door.cjs').Door,
 *   random: () => number,
 *   waits: () => boolean,
 *   revision: () => string | undefined,
 *   reload: () => Promise<boolean>,
 * }} Parts `waits`: deploys are to be delivered, which loads the store's flows itself where they are not taken; `revision`:
 * of what runs; `reload`: whether Node-RED has loaded flows again.
 */

/** @param {Parts} parts */
function createCatchUp({ door, random, waits, revision, reload }) {
  let owed = false
  async function attempt() {
    if (!owed || waits()) {
      owed = false
      return true
    }
    const answer = await door.ask('GET', '/flows', { timeoutMs: patientMs })
    if (answer.kind === 'unreachable') return false
    const [stored, runs] = [answer.status === 200 ? answer.tag : undefined, revision()]
    // A load that has no answer either owes it anew.
    owed = false
    const isDone = stored === runs || waits() || (await reload())
    if (!isDone) owed = true
    return !owed
  }
  const delivery = createDelivery({ attempt, random })
  return {
    owe() {
      owed = true
      delivery.wakeLater()
    },
  }
}

module.exports = { createCatchUp }
