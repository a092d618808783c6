'use strict'
// Brings deploys to the reconciler: one at once, or those that wait on the disk, in order.

const { createDelivery, createTurns } = require('./delivery.cjs')
const { patientMs, reasonOf, refusalOf } = require('./door.cjs')
const { revisionOf } = require('./local-flows.cjs')
const { isObject } = require('./private-files.cjs')

/**
 * @typedef {import('./deploy-spool.cjs').Deploy} Deploy
 * @typedef {import('./deploy-spool.cjs').Entry} Entry
 * @typedef {{ kind: 'saved', revision: string } | { kind: 'stale' } | { kind: 'refused' | 'unreachable', reason: string }} Sent
 * @typedef {{
 *   door: import('./door.cjs').Door,
 *   spool: ReturnType<typeof import('./deploy-spool.cjs').createDeploySpool>,
 *   reload: () => Promise<boolean>,
 *   info: (text: string) => void,
 *   warn: (text: string) => void,
 *   random: () => number,
 *   now: () => string,
 *   undelivered: (deploy: Deploy, why: string) => void,
 *   tell: Tell,
 * }} Parts `reload` makes Node-RED load its flows again, and says whether it has.
 * @typedef {(what: 'deploy-waits' | 'deploy-lost', text: string | undefined) => void} Tell shows it in every editor, until
 * it is told with no text
 */

/**
 * Where the answer is lost on the way the deploy counts as not sent, and may be sent again: the reconciler knows it.
 * @param {import('./door.cjs').Door} door
 * @param {Deploy} deploy
 * @param {number} [timeoutMs]
 * @returns {Promise<Sent>}
 */
async function sendDeploy(door, { base, nodes, credentials, by, origin, id }, timeoutMs) {
  const answer = await door.ask('PUT', '/flows', {
    headers: base === undefined ? { 'if-none-match': '*' } : { 'if-match': `"${base}"` },
    content: JSON.stringify({ nodes, credentials, by, origin, deploy: id }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
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

/** How long a start waits for each deploy to be taken, in milliseconds. */
const startMs = 3000

/** Empties the spool, for as long as it takes. */
class DeployDelivery {
  #parts
  #delivery
  #inTurn = createTurns()
  /** What runs is not what stands in the store. */
  #reloadOwed = false

  /** @param {Parts} parts */
  constructor(parts) {
    this.#parts = parts
    const failed = (/** @type {unknown} */ error) =>
      parts.warn(`Deploys still wait on this machine: ${reasonOf(error)}`)
    const attempt = () => this.#inTurn(() => this.#attempt())
    this.#delivery = createDelivery({ attempt, random: parts.random, failed })
  }

  wake() {
    this.#delivery.wake()
  }

  /** Tries once, before flows are loaded: what became stale meanwhile must not run. */
  async beforeLoad() {
    await this.#inTurn(() => this.#empty(startMs)).catch(() => false)
    this.#reloadOwed = false
  }

  /** Whether nothing waits any more. */
  async #attempt() {
    if (!(await this.#empty(patientMs))) return false
    if (this.#reloadOwed) this.#reloadOwed = !(await this.#parts.reload())
    return !this.#reloadOwed
  }

  /** @param {number} timeoutMs for each deploy */
  async #empty(timeoutMs) {
    const { spool, info, tell } = this.#parts
    let taken = 0
    for (let entry = spool.oldest(); entry !== undefined; entry = spool.oldest()) {
      const outcome = await this.#deliver(entry, timeoutMs)
      if (outcome === 'unreachable') return false
      if (outcome === 'taken') taken += 1
      else this.#reloadOwed = true
    }
    tell('deploy-waits', undefined)
    if (taken > 0) info(`The reconciler has taken what waited on this machine: ${taken} deploy(s).`)
    return true
  }

  /**
   * @param {Entry} entry
   * @param {number} timeoutMs
   * @returns {Promise<'taken' | 'set apart' | 'unreachable'>}
   */
  async #deliver(entry, timeoutMs) {
    const { spool, door } = this.#parts
    const deploy = await spool.read(entry)
    if (deploy === undefined) return this.#setApart(entry, 'damaged', 'A deploy', 'its file is damaged')
    const sent = await sendDeploy(door, deploy, timeoutMs)
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
    const { spool, warn, tell, now } = this.#parts
    const file = await spool.setApart(entry, why, now())
    this.#reloadOwed = true
    const text = `${what} waited on this machine and was not taken: ${reason}. It is kept as ${file}`
    warn(text)
    tell('deploy-lost', text)
    for (const name of await spool.prune().catch(() => [])) warn(`So many are kept: ${name} was removed`)
    return 'set apart'
  }
}

module.exports = { DeployDelivery, sendDeploy }
