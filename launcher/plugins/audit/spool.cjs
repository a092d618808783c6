'use strict'
// Events that the reconciler has not taken yet, one JSON line each, in the order they happened.

const { open, readFile, truncate } = require('node:fs/promises')
const { appendFileSync } = require('node:fs')
const { join } = require('node:path')
const { createTurns } = require('../storage/delivery.cjs')
const { isObject, makePrivateFolder, writePrivate } = require('../storage/private-files.cjs')

/**
 * @typedef {{ events: Record<string, unknown>[], lines: number, damaged: number, bytes: number }} Batch
 * `lines` and `bytes`: as far as it reaches in the file; `damaged`: lines that are no events.
 */

/** As long as one reading of the file; a batch of the longest events fits into one request. */
const readBytes = 128 * 1024
/** So much of what was delivered may stand before what was not. */
const deliveredBytes = 256 * 1024
const newline = 10

/**
 * A file that is only added to, and emptied when all of it is delivered. What is added is with the operating system when
 * `append` settles, and so outlives Node-RED; `keep` brings it to the disk, and from then on `append` does, until it is
 * empty again. A line that a kill has torn is skipped.
 */
class Spool {
  #file
  #folder
  #inTurn = createTurns()
  /** Bytes of the file that are delivered, and its whole length. */
  #delivered = 0
  #length = 0
  #events = 0
  /** Whether the file ends within a line. */
  #torn = false
  #durable = false

  /** @param {string} folder */
  constructor(folder) {
    this.#folder = folder
    this.#file = join(folder, 'spool.jsonl')
  }

  /** What waits. @returns {{ events: number, bytes: number }} */
  get size() {
    return { events: this.#events, bytes: this.#length - this.#delivered }
  }

  /** Finds what an earlier run left. @returns {Promise<string>} the text of it */
  open() {
    return this.#inTurn(async () => {
      await makePrivateFolder(this.#folder)
      const bytes = await this.#opened(async (file) => file.readFile())
      const text = bytes.toString()
      this.#length = bytes.length
      this.#events = text.split('\n').filter((line) => line !== '').length
      this.#torn = text !== '' && !text.endsWith('\n')
      return text
    })
  }

  /**
   * @param {readonly string[]} lines
   * @returns {Promise<void>} rejects where not all of it could be written; then none of it counts
   */
  append(lines) {
    const text = lines.map((line) => `${line}\n`).join('')
    const bytes = Buffer.byteLength(text)
    this.#events += lines.length
    this.#length += bytes
    return this.#inTurn(async () => {
      try {
        await this.#write(text)
      } catch (error) {
        this.#events -= lines.length
        this.#length -= bytes
        throw error
      }
    })
  }

  /** The last breath of a process that ends by itself: nothing is awaited any more. @param {readonly string[]} lines */
  appendNow(lines) {
    if (lines.length === 0) return
    // Another write may be half done.
    appendFileSync(this.#file, `\n${lines.map((line) => `${line}\n`).join('')}`, { mode: 0o600 })
  }

  /** From now on it has to wait. @returns {Promise<void>} */
  keep() {
    return this.#inTurn(async () => {
      if (!this.#durable) await this.#opened(async (file) => file.datasync())
      this.#durable = true
    })
  }

  /**
   * The oldest events.
   * @param {number} most
   * @returns {Promise<Batch>}
   */
  oldest(most) {
    return this.#inTurn(async () => {
      const buffer = Buffer.alloc(readBytes)
      const { bytesRead } = await this.#opened(async (file) =>
        file.read(buffer, 0, readBytes, this.#delivered),
      )
      return batchOf(buffer.subarray(0, bytesRead), most)
    })
  }

  /**
   * Those are delivered, or never will be.
   * @param {Batch} batch
   */
  remove({ lines, bytes }) {
    this.#delivered += bytes
    this.#events -= lines
    return this.#inTurn(async () => {
      if (this.#delivered === this.#length) await this.#empty()
      else if (this.#delivered > deliveredBytes) await this.#shorten()
    })
  }

  /** @param {string} text */
  async #write(text) {
    await this.#opened(async (file) => {
      const { size } = await file.stat()
      try {
        await file.appendFile(this.#torn ? `\n${text}` : text)
        if (this.#durable) await file.datasync()
      } catch (error) {
        await file.truncate(size).catch(() => {
          this.#torn = true
        })
        throw error
      }
    })
    if (this.#torn) this.#length += 1
    this.#torn = false
  }

  /**
   * @template T
   * @param {(file: Awaited<ReturnType<typeof open>>) => Promise<T>} use
   */
  async #opened(use) {
    const file = await open(this.#file, 'a+', 0o600)
    try {
      return await use(file)
    } finally {
      await file.close()
    }
  }

  async #empty() {
    await truncate(this.#file, 0)
    this.#delivered = 0
    this.#length = 0
    this.#events = 0
    this.#torn = false
    this.#durable = false
  }

  /** Begins the file with what was not delivered. */
  async #shorten() {
    const text = (await readFile(this.#file)).subarray(this.#delivered).toString()
    await writePrivate(this.#file, text, { durable: this.#durable })
    this.#length -= this.#delivered
    this.#delivered = 0
  }
}

/**
 * @param {Buffer} buffer
 * @param {number} most
 * @returns {Batch}
 */
function batchOf(buffer, most) {
  /** @type {Batch} */
  const batch = { events: [], lines: 0, damaged: 0, bytes: 0 }
  for (;;) {
    const end = buffer.indexOf(newline, batch.bytes)
    if (end < 0 && batch.bytes === 0 && buffer.length === readBytes) {
      // No event is as long: whatever it is, it must not stand in the way.
      return { ...batch, damaged: 1, bytes: readBytes }
    }
    if (end < 0 || batch.events.length === most) return batch
    const line = buffer.toString('utf8', batch.bytes, end)
    batch.bytes = end + 1
    if (line === '') continue
    batch.lines += 1
    const event = eventOn(line)
    if (event === undefined) batch.damaged += 1
    else batch.events.push(event)
  }
}

/** @param {string} line @returns {Record<string, unknown> | undefined} */
function eventOn(line) {
  try {
    const value = JSON.parse(line)
    return isObject(value) && typeof value['id'] === 'string' ? value : undefined
  } catch {
    return undefined
  }
}

module.exports = { Spool }
