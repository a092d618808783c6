'use strict'
// Brings what waits to the reconciler: in order, one call at a time, and never in a hurry.

const { pauseAfter } = require('../storage/delivery.cjs')
const { refusalOf } = require('../storage/door.cjs')

/**
 * @typedef {import('./spool.cjs').Batch} Batch
 * @typedef {{
 *   door: import('../storage/door.cjs').Door,
 *   spool: InstanceType<typeof import('./spool.cjs').Spool>,
 *   lost: (count: number) => void,
 *   delivered: () => void,
 *   warn: (text: string) => void,
 *   random: () => number,
 *   gatherMs?: number,
 * }} Parts `lost`: events that nobody will ever take. `delivered`: there is more room than before.
 */

/** As many as the runtime door takes in one call. */
const mostEvents = 100
/** How long events are gathered for one call. */
const defaultGatherMs = 1000
/** The token is not valid: asking more often would change nothing. */
const refusedMs = 10 * 60 * 1000

/**
 * Sends one batch.
 * @param {Parts} parts
 * @returns {() => Promise<'sent' | 'empty' | 'unreachable' | 'refused'>}
 */
function createSend({ door, spool, lost, delivered, warn }) {
  let said = ''

  /** @param {Batch['events']} events */
  const post = (events) => door.ask('POST', '', { content: JSON.stringify({ events }) })

  /** @param {string} text */
  function say(text) {
    if (text !== said) warn(text)
    said = text
  }

  /**
   * One event that the reconciler does not understand must not hold up the others.
   * @param {Batch['events']} events
   * @param {{ status: number, body: unknown }} refusal
   */
  async function sendSingly(events, refusal) {
    warn(`Events of the audit trail are not taken: ${refusalOf(refusal)}`)
    let taken = 0
    for (const event of events) {
      const answer = await post([event])
      if (answer.kind === 'unreachable') return held(answer)
      if (answer.status < 300) taken += 1
    }
    return taken
  }

  /** @param {{ reason: string, status?: number }} answer */
  async function held({ reason, status }) {
    await spool.keep()
    const refused = status === 401 || status === 403
    say(`Events of the audit trail wait on this machine: ${reason}`)
    return refused ? 'refused' : 'unreachable'
  }

  return async function send() {
    const batch = await spool.oldest(mostEvents)
    if (batch.bytes === 0) return 'empty'
    const { events } = batch
    const answer = events.length === 0 ? undefined : await post(events)
    if (answer?.kind === 'unreachable') return held(answer)
    const taken =
      answer === undefined || answer.status < 300 ? events.length : await sendSingly(events, answer)
    if (typeof taken !== 'number') return taken
    if (batch.damaged + events.length > taken) lost(batch.damaged + events.length - taken)
    await spool.remove(batch)
    said = ''
    delivered()
    return 'sent'
  }
}

/** @param {Parts} parts */
function createSender(parts) {
  const { random, gatherMs = defaultGatherMs } = parts
  const send = createSend(parts)
  let working = false
  let woken = false

  async function work() {
    await pause(gatherMs)
    for (let failures = 0; ;) {
      woken = false
      const outcome = await send().catch(() => 'unreachable')
      if (outcome === 'empty' && !woken) {
        working = false
        return
      }
      failures = outcome === 'unreachable' ? failures + 1 : 0
      if (outcome === 'unreachable') await pause(pauseAfter(failures, random()))
      if (outcome === 'refused') await pause(refusedMs)
    }
  }

  return {
    /** Something waits. A pause that is on stays: whoever floods the log must not flood the door. */
    wake() {
      woken = true
      if (working) return
      working = true
      void work()
    },
  }
}

/** @param {number} ms */
function pause(ms) {
  // Node-RED may end meanwhile: what is left lies on the disk.
  return new Promise((resolve) => void setTimeout(resolve, ms).unref())
}

module.exports = { createSender }
