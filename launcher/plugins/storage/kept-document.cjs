'use strict'
// Node-RED's settings, or its sessions: one object that it writes as a whole.

const { join } = require('node:path')
const { createDelivery, createTurns } = require('./delivery.cjs')
const { refusalOf } = require('./door.cjs')
const { isObject, readJson, writePrivate } = require('./private-files.cjs')

/**
 * @typedef {Record<string, unknown>} Content
 * @typedef {{ undelivered: boolean, content: Content }} Copy
 * @typedef {{
 *   kind: 'settings' | 'sessions',
 *   folder: string,
 *   door: import('./door.cjs').Door,
 *   earlier: () => Promise<Content>,
 *   warn: (text: string) => void,
 *   random: () => number,
 * }} Parts `earlier`: what Node-RED's own storage left on this machine.
 */

/** How long a start waits for the reconciler, in milliseconds: there is nearly always a copy to go on with. */
const patienceMs = 2000

/**
 * Written to this machine's disk first and to the reconciler soon after: Node-RED is the only writer, so what could not
 * be delivered yet is always what lies on the disk, and newer than what the store has.
 */
class KeptDocument {
  #parts
  #file
  #delivery
  #inTurn = createTurns()
  /** @type {Content} */
  #content = {}
  #version = 0
  #delivers = false
  #refused = ''
  /** @type {Promise<import('./door.cjs').Answer> | undefined} */
  #ahead

  /** @param {Parts} parts */
  constructor(parts) {
    this.#parts = parts
    this.#file = join(parts.folder, `${parts.kind}.json`)
    this.#delivery = createDelivery({ attempt: () => this.#deliver(), random: parts.random })
  }

  /** As Node-RED has it now. */
  get current() {
    return this.#content
  }

  /** Asks while Node-RED still loads, so that the answer is there when it is wanted. */
  readAhead() {
    this.#ahead = this.#ask()
  }

  /** @returns {Promise<Content>} */
  async read() {
    const copy = copyOf(await readJson(this.#file))
    if (copy?.undelivered === true) return this.#takeBack(copy.content)
    const answer = await (this.#ahead ?? this.#ask())
    this.#ahead = undefined
    const stored = storedContent(answer)
    if (stored !== undefined) {
      this.#content = stored
      // A start does not wait for its copy; where that fails, the one of before stays.
      void this.#write(false, JSON.stringify(stored)).catch(() => undefined)
      return stored
    }
    const content = copy?.content ?? (await this.#parts.earlier())
    // The store has none: what is here goes there.
    if (answer.kind === 'answer' && Object.keys(content).length > 0) return this.#takeBack(content)
    this.#content = content
    return content
  }

  /** @param {Content} next */
  async save(next) {
    this.#content = next
    this.#version += 1
    // As it is now: Node-RED goes on changing the object.
    await this.#write(true, JSON.stringify(next))
    if (this.#delivers) this.#delivery.wake()
  }

  /** From now on what is saved is delivered, and what was saved before. */
  deliver() {
    this.#delivers = true
    this.#delivery.wake()
  }

  #ask() {
    return this.#parts.door.ask('GET', `/${this.#parts.kind}`, { timeoutMs: patienceMs })
  }

  /** @param {Content} content */
  async #takeBack(content) {
    await this.save(content)
    return content
  }

  /**
   * @param {boolean} undelivered
   * @param {string} text
   */
  #write(undelivered, text) {
    const whole = `{"undelivered":${undelivered},"content":${text}}`
    // What Node-RED writes while it starts it would write again: no start waits for the disk.
    const durable = undelivered && this.#delivers
    return this.#inTurn(() => writePrivate(this.#file, whole, { durable }))
  }

  /** Whether the store has what Node-RED saved last, or will not take it. */
  async #deliver() {
    if (this.#version === 0) return true
    const { kind, door, warn } = this.#parts
    const [sent, text] = [this.#version, JSON.stringify(this.#content)]
    const answer = await door.ask('PUT', `/${kind}`, { content: text })
    if (answer.kind === 'unreachable') return false
    if (answer.status >= 300) {
      const reason = refusalOf(answer)
      if (reason !== this.#refused) warn(`The ${kind} of Node-RED stay on this machine only: ${reason}`)
      this.#refused = reason
      return true
    }
    if (sent === this.#version) await this.#write(false, text)
    return sent === this.#version
  }
}

/**
 * @param {import('./door.cjs').Answer} answer
 * @returns {Content | undefined}
 */
function storedContent(answer) {
  if (answer.kind !== 'answer' || answer.status !== 200) return undefined
  return isObject(answer.body) ? answer.body : undefined
}

/**
 * @param {unknown} value
 * @returns {Copy | undefined}
 */
function copyOf(value) {
  if (!isObject(value) || !isObject(value['content'])) return undefined
  return { undelivered: value['undelivered'] === true, content: value['content'] }
}

module.exports = { KeptDocument }
