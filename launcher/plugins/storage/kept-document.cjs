'use strict'
// Node-RED's settings, or its sessions: one object that it writes as a whole.

const { createHash } = require('node:crypto')
const { join } = require('node:path')
const { createDelivery, createTurns } = require('./delivery.cjs')
const { copyOf, knowing, merged, within } = require('./document-copy.cjs')
const { reasonOf, refusalOf } = require('./door.cjs')
const { damaged, isObject, readJson, writePrivate } = require('./private-files.cjs')

/**
 * @typedef {import('./document-copy.cjs').Content} Content
 * @typedef {import('./document-copy.cjs').Copy} Copy
 * @typedef {{ tag: string, content: Content }} Stored `tag`: `''` where the store has none
 * @typedef {'taken' | 'refused' | 'unreachable'} Outcome
 * @typedef {{
 *   kind: 'settings' | 'sessions',
 *   folder: string,
 *   door: import('./door.cjs').Door,
 *   earlier: () => Promise<Content>,
 *   retire?: () => Promise<void>,
 *   adopt?: (content: Content) => Promise<void>,
 *   warn: (text: string) => void,
 *   random: () => number,
 * }} Parts `earlier`: what Node-RED's own storage left on this machine. `retire`: the store has it, it is not to be read
 * again. `adopt`: makes Node-RED go on with other content than it had, where it does not with the object that it was given.
 */

/** How long a start that has a copy to go on with waits for the reconciler, in milliseconds. */
const patienceMs = 2000
/** How often in a row the store may have become another between question and answer. */
const mostRounds = 3

/**
 * Written to this machine's disk first and to the reconciler soon after. Nothing is written over what the store has but by
 * who knows what that is: a copy may be old, and a start may have had no answer.
 */
class KeptDocument {
  #parts
  #file
  #delivery
  #writes = createTurns()
  #attempts = createTurns()
  /** Node-RED has the very object and changes it. @type {Content} */
  #content = {}
  #version = 0
  #delivered = 0
  #delivers = false
  #said = ''
  /** As in a copy. @type {string[] | undefined} */
  #known
  /** The keys that this run began with, and those it ever had. */
  #begun = new Set()
  #had = new Set()
  /** What it began with had not reached the store, which may have entries that ended before. */
  #beganUndelivered = false
  /** The store is still to be asked what it has. */
  #unanswered = false
  /** @type {Promise<import('./door.cjs').Answer> | undefined} */
  #ahead

  /** @param {Parts} parts */
  constructor(parts) {
    this.#parts = parts
    this.#file = join(parts.folder, `${parts.kind}.json`)
    const attempt = async () => (await this.#deliver()) !== 'unreachable' && this.#delivered === this.#version
    this.#delivery = createDelivery({ attempt, random: parts.random })
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
    const found = await readJson(this.#file)
    if (found === damaged) this.#parts.warn(`The ${this.#parts.kind} on this machine are damaged`)
    const copy = copyOf(found)
    const asked = this.#ahead ?? this.#ask()
    this.#ahead = undefined
    const answer = await (copy === undefined ? asked : within(asked, patienceMs))
    const stored = answer && storedOf(answer)
    const content = await (stored === undefined ? this.#withoutStore(copy) : this.#withStore(copy, stored))
    this.#content = content
    for (const key of Object.keys(content)) this.#begun.add(key)
    this.#note(content)
    return content
  }

  /**
   * There was no answer. What is here is brought to the store only when that has said what it has.
   * @param {Copy | undefined} copy
   */
  async #withoutStore(copy) {
    this.#unanswered = true
    this.#known = copy?.known
    if (copy === undefined) return this.#bring(await this.#parts.earlier())
    this.#beganUndelivered = copy.undelivered
    if (copy.undelivered) this.#version = 1
    return copy.content
  }

  /**
   * @param {Copy | undefined} copy
   * @param {Stored} stored
   */
  async #withStore(copy, stored) {
    const ours = copy?.undelivered === true ? copy : undefined
    if (ours !== undefined && isNext(ours, stored)) {
      this.#known = knowing(ours.known, stored.tag)
      this.#version = 1
      return ours.content
    }
    this.#known = [stored.tag]
    if (stored.tag === '') return this.#bring(copy?.content ?? (await this.#parts.earlier()))
    this.#isStored()
    return this.#take(stored, ours)
  }

  /**
   * The store has none: what is here goes there.
   * @param {Content} content
   */
  #bring(content) {
    if (Object.keys(content).length > 0) this.#version = 1
    return content
  }

  /**
   * What the store has; but a session that ended here, of which the store does not know yet, has ended.
   * @param {Stored} stored
   * @param {Copy | undefined} ours
   */
  #take(stored, ours) {
    const { kind } = this.#parts
    const sides = { stored: stored.content, began: new Set(), endedHere: () => true }
    const content =
      ours === undefined || kind === 'settings'
        ? stored.content
        : merged(kind, { ...sides, ours: ours.content })
    const text = JSON.stringify(content)
    if (text === JSON.stringify(stored.content)) {
      // A start does not wait for its copy; where that fails, the one of before stays.
      void this.#write(false, text).catch(() => undefined)
    } else this.#version = 1
    return content
  }

  /**
   * Fails only where neither this machine nor the store has it.
   * @param {Content} next
   */
  async save(next) {
    this.#content = next
    this.#version += 1
    this.#note(next)
    try {
      // As it is now: Node-RED goes on changing the object.
      await this.#write(true, JSON.stringify(next))
    } catch (error) {
      if ((await this.#deliver()) !== 'taken') throw error
      this.#warn(`The ${this.#parts.kind} cannot be written to this machine: ${reasonOf(error)}`)
    } finally {
      if (this.#delivers) this.#delivery.wake()
    }
  }

  /** From now on what is saved is delivered, and what was saved before. */
  deliver() {
    this.#delivers = true
    this.#delivery.wake()
  }

  #ask() {
    return this.#parts.door.ask('GET', `/${this.#parts.kind}`)
  }

  /** @param {Content} content */
  #note(content) {
    for (const key of Object.keys(content)) this.#had.add(key)
  }

  /** @param {string} text */
  #warn(text) {
    if (text !== this.#said) this.#parts.warn(text)
    this.#said = text
  }

  #isStored() {
    void this.#parts.retire?.().catch(() => undefined)
  }

  /**
   * @param {boolean} undelivered
   * @param {string} text
   */
  #write(undelivered, text) {
    // What Node-RED writes while it starts it would write again: no start waits for the disk.
    const durable = undelivered && this.#delivers
    return this.#writes(() => {
      const known = JSON.stringify(this.#known)
      const whole = `{"undelivered":${undelivered}${known === undefined ? '' : `,"known":${known}`},"content":${text}}`
      return writePrivate(this.#file, whole, { durable })
    })
  }

  /** @returns {Promise<Outcome>} `taken`: the store has what Node-RED had saved when this began. */
  #deliver() {
    return this.#attempts(async () => {
      for (let round = 0; round < mostRounds; round += 1) {
        if (this.#unanswered && !(await this.#compare())) return 'unreachable'
        if (this.#delivered === this.#version) return 'taken'
        const outcome = await this.#send()
        if (outcome !== 'stale') return outcome
        this.#unanswered = true
      }
      return 'unreachable'
    })
  }

  /** @returns {Promise<Outcome | 'stale'>} */
  async #send() {
    const { kind, door } = this.#parts
    const [version, text, base] = [this.#version, JSON.stringify(this.#content), this.#known?.at(-1)]
    const headers = base === undefined || base === '' ? { 'if-none-match': '*' } : { 'if-match': `"${base}"` }
    // Before it is sent: whatever becomes of the answer, it is known for one's own.
    const tag = tagOf(this.#content)
    this.#known = [...knowing(this.#known, tag).filter((one) => one !== base), base ?? '']
    const answer = await door.ask('PUT', `/${kind}`, { headers, content: text })
    if (answer.kind === 'unreachable') return 'unreachable'
    if (answer.status === 412) return 'stale'
    this.#delivered = version
    if (answer.status >= 300) {
      this.#warn(`The ${kind} of Node-RED stay on this machine only: ${refusalOf(answer)}`)
      return 'refused'
    }
    this.#known = [answer.tag ?? tag]
    this.#isStored()
    if (version === this.#version) await this.#write(false, text).catch(() => undefined)
    return 'taken'
  }

  /** Asks what the store has. Where that is neither of this machine nor known to it, the two become one. */
  async #compare() {
    const stored = storedOf(await this.#ask())
    if (stored === undefined) return false
    const isKnown = this.#known?.includes(stored.tag) === true || stored.tag === ''
    this.#unanswered = false
    this.#known = isKnown ? knowing(this.#known, stored.tag) : [stored.tag]
    if (isKnown) return true
    const { kind, adopt } = this.#parts
    const ours = this.#content
    const began = new Set(Object.keys(ours).filter((key) => !this.#begun.has(key)))
    const endedHere = (/** @type {string} */ key) => this.#beganUndelivered || this.#had.has(key)
    const content = merged(kind, { stored: stored.content, ours, began, endedHere })
    for (const key of Object.keys(ours)) if (!(key in content)) delete ours[key]
    Object.assign(ours, content)
    this.#note(ours)
    this.#version += 1
    await adopt?.(ours)
    return true
  }
}

/**
 * @param {import('./door.cjs').Answer} answer
 * @returns {Stored | undefined}
 */
function storedOf(answer) {
  if (answer.kind !== 'answer') return undefined
  if (answer.status === 404) return { tag: '', content: {} }
  const { status, body, tag } = answer
  return status === 200 && isObject(body) ? { tag: tag ?? tagOf(body), content: body } : undefined
}

/**
 * Whether the store has what a copy started from, or what it is itself.
 * @param {Copy} copy
 * @param {Stored} stored
 */
function isNext({ known, content }, { tag }) {
  return known?.includes(tag) === true || tagOf(content) === tag
}

/**
 * As the reconciler computes it.
 * @param {Content} content
 */
function tagOf(content) {
  return createHash('sha256').update(JSON.stringify(content)).digest('hex')
}

module.exports = { KeptDocument }
