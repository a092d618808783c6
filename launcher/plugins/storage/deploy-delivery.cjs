'use strict'
// Brings deploys to the reconciler: one at once, or those that wait on the disk, in order.

const { createDelivery } = require('./delivery.cjs')
const { refusalOf } = require('./door.cjs')
const { revisionOf } = require('./local-flows.cjs')
const { isObject } = require('./private-files.cjs')

/**
 * @typedef {import('./deploy-spool.cjs').Deploy} Deploy
 * @typedef {import('./deploy-spool.cjs').Entry} Entry
 * @typedef {{ kind: 'saved', revision: string } | { kind: 'stale' } | { kind: 'refused' | 'unreachable', reason: string }} Sent
 * @typedef {{
 *   door: import('./door.cjs').Door,
 *   spool: ReturnType<typeof import('./deploy-spool.cjs').createDeploySpool>,
 *   reload: () => Promise<void>,
 *   info: (text: string) => void,
 *   warn: (text: string) => void,
 *   random: () => number,
 *   now: () => string,
 *   undelivered: (deploy: Deploy, why: string) => void,
 * }} Parts `reload` makes Node-RED load its flows again.
 */

/**
 * Where the answer is lost on the way the deploy counts as not sent, and may be sent again: the reconciler knows it.
 * @param {import('./door.cjs').Door} door
 * @param {Deploy} deploy
 * @returns {Promise<Sent>}
 */
async function sendDeploy(door, { base, nodes, credentials, by, origin }) {
  const answer = await door.ask('PUT', '/flows', {
    headers: base === undefined ? { 'if-none-match': '*' } : { 'if-match': `"${base}"` },
    content: JSON.stringify({ nodes, credentials, by, origin }),
  })
  if (answer.kind === 'unreachable') return answer
  if (answer.status === 412) return { kind: 'stale' }
  if (answer.status >= 300) return { kind: 'refused', reason: refusalOf(answer) }
  const revision = isObject(answer.body) ? answer.body['revision'] : undefined
  return {
    kind: 'saved',
    revision: typeof revision === 'string' ? revision : revisionOf(nodes, credentials),
  }
}

/** Empties the spool, for as long as it takes. */
class DeployDelivery {
  #parts
  #delivery

  /** @param {Parts} parts */
  constructor(parts) {
    this.#parts = parts
    this.#delivery = createDelivery({ attempt: () => this.#attempt(), random: parts.random })
  }

  wake() {
    this.#delivery.wake()
  }

  /** Whether nothing waits any more. */
  async #attempt() {
    const { spool, info, reload } = this.#parts
    let [taken, lost] = [0, 0]
    for (let entry = spool.oldest(); entry !== undefined; entry = spool.oldest()) {
      const outcome = await this.#deliver(entry)
      if (outcome === 'unreachable') return false
      if (outcome === 'taken') taken += 1
      else lost += 1
    }
    if (taken > 0) info(`The reconciler has taken what waited on this machine: ${taken} deploy(s).`)
    // What runs is then not what stands in the store.
    if (lost > 0) await reload()
    return true
  }

  /**
   * @param {Entry} entry
   * @returns {Promise<'taken' | 'set apart' | 'unreachable'>}
   */
  async #deliver(entry) {
    const { spool, door } = this.#parts
    const deploy = await spool.read(entry)
    if (deploy === undefined) return this.#setApart(entry, 'damaged', 'A deploy', 'its file is damaged')
    const sent = await sendDeploy(door, deploy)
    if (sent.kind === 'unreachable') return 'unreachable'
    if (sent.kind === 'saved') {
      await spool.remove(entry)
      return 'taken'
    }
    const what = `The deploy of ${deploy.at}${deploy.by === undefined ? '' : ` by ${deploy.by}`}`
    const reason =
      sent.kind === 'stale' ? 'the store has other flows than those it started from' : sent.reason
    this.#parts.undelivered(deploy, sent.kind)
    return this.#setApart(entry, sent.kind, what, reason)
  }

  /**
   * @param {Entry} entry
   * @param {'damaged' | 'stale' | 'refused'} why
   * @param {string} what
   * @param {string} reason
   * @returns {Promise<'set apart'>}
   */
  async #setApart(entry, why, what, reason) {
    const { spool, warn, now } = this.#parts
    const file = await spool.setApart(entry, why, now())
    warn(`${what} waited on this machine and was not taken: ${reason}. It is kept as ${file}`)
    return 'set apart'
  }
}

module.exports = { DeployDelivery, sendDeploy }
