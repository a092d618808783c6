'use strict'
// Brings events from memory to the disk, beside whatever else Node-RED does, and keeps note of what is missing.

const { rm } = require('node:fs/promises')
const { join } = require('node:path')
const { reasonOf } = require('../storage/door.cjs')
const { isObject, readJson, writePrivate } = require('../storage/private-files.cjs')

/**
 * @typedef {import('./backlog.cjs').Gap} Gap
 * @typedef {{
 *   folder: string,
 *   backlog: InstanceType<typeof import('./backlog.cjs').Backlog>,
 *   spool: InstanceType<typeof import('./spool.cjs').Spool>,
 *   written: () => void,
 *   warn: (text: string) => void,
 *   now: () => string,
 * }} Parts `written`: something waits on the disk.
 */

/** How long the note of a gap may lag behind, and how soon a disk that failed is tried again. */
const laterMs = 1000

class Writer {
  #parts
  #noteFile
  #writing = false
  #woken = false
  #opened = false
  #later = false
  #noted = ''
  #said = ''
  /** Taken from memory, perhaps not written yet. @type {readonly string[]} */
  #underWay = []

  /** @param {Parts} parts */
  constructor(parts) {
    this.#parts = parts
    this.#noteFile = join(parts.folder, 'gap.json')
  }

  /** There is something to write, soon. */
  wake() {
    this.#woken = true
    if (this.#writing) return
    this.#writing = true
    setImmediate(() => void this.#work())
  }

  /** Something is missing: it is noted, but not each time. */
  wakeLater() {
    if (this.#later) return
    this.#later = true
    setTimeout(() => {
      this.#later = false
      this.wake()
    }, laterMs).unref()
  }

  /** Node-RED ends: whatever is not written yet, now. */
  end() {
    const { spool, backlog } = this.#parts
    try {
      spool.appendNow([...this.#underWay, ...backlog.take()])
    } catch {
      // there is nobody left to tell
    }
  }

  async #work() {
    while (this.#woken) {
      this.#woken = false
      await this.#write().catch((error) => this.#failed(error))
    }
    this.#writing = false
  }

  async #write() {
    const { backlog, spool, written } = this.#parts
    if (!this.#opened) await this.#open()
    const gap = backlog.closeGap()
    this.#underWay = gap === undefined ? backlog.take() : [...backlog.take(), JSON.stringify(gap)]
    if (this.#underWay.length > 0) await this.#append(this.#underWay)
    this.#underWay = []
    await this.#note()
    this.#said = ''
    backlog.setOnDisk(spool.size)
    if (spool.size.events > 0) written()
  }

  /** @param {readonly string[]} lines */
  async #append(lines) {
    const { spool, backlog, now } = this.#parts
    try {
      await spool.append(lines)
    } catch (error) {
      this.#underWay = []
      backlog.setOnDisk(spool.size)
      for (const line of lines) backlog.missLine(line, now())
      throw error
    }
  }

  async #open() {
    const { spool, backlog } = this.#parts
    const text = await spool.open()
    const gap = gapOf(await readJson(this.#noteFile))
    // A kill may have come just after it was written down.
    if (gap !== undefined && !text.includes(`"${gap.id}"`)) backlog.resume(gap)
    backlog.setOnDisk(spool.size)
    this.#opened = true
  }

  /** So that what is missing is missing after a kill as well. */
  async #note() {
    const { gap } = this.#parts.backlog
    const text = gap === undefined ? '' : JSON.stringify(gap)
    if (text === this.#noted) return
    if (gap === undefined) await rm(this.#noteFile, { force: true })
    else await writePrivate(this.#noteFile, text, { durable: false })
    this.#noted = text
  }

  /** @param {unknown} error */
  #failed(error) {
    const text = `Events of the audit trail cannot be written: ${reasonOf(error)}`
    if (text !== this.#said) this.#parts.warn(text)
    this.#said = text
    this.wakeLater()
  }
}

/**
 * @param {unknown} value
 * @returns {Gap | undefined}
 */
function gapOf(value) {
  if (!isObject(value)) return undefined
  const { id, from, to, count, deeds } = value
  const texts = typeof id === 'string' && typeof from === 'string' && typeof to === 'string'
  if (!texts || typeof count !== 'number' || typeof deeds !== 'number') return undefined
  return { id, from, to, count, deeds }
}

module.exports = { Writer }
