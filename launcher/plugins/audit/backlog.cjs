'use strict'
// Events on their way to the disk, bounded, and what there was no room for. Pure, and each call costs the same.

/**
 * @typedef {{ id: string, at: string, event: string }} Event
 * @typedef {{ id: string, from: string, to: string, count: number, deeds: number }} Gap
 * Events that are missing: from the first to the last of them, and how many of them were deeds and not refusals.
 * @typedef {{ events: number, bytes: number }} Size
 * @typedef {{ memory: Size, all: Size }} Limits `all`: what waits on the disk included.
 */

/** @type {Limits} */
const defaultLimits = {
  memory: { events: 1000, bytes: 256 * 1024 },
  all: { events: 10_000, bytes: 1024 * 1024 },
}

/** Anybody can be refused as often as they like. */
const cheap = new Set(['sign-in-refused', 'access-refused', 'deploy-refused'])

/**
 * Where there is no room the newest are left out: what was there first stays, the file is only ever added to, and who
 * wants to hide a deed in a flood must have done it after the flood. Refusals may take half of the room: a flood of them
 * leaves the other half to what is done.
 */
class Backlog {
  #limits
  #newId
  /** @type {string[]} */
  #lines = []
  #memory = { events: 0, bytes: 0 }
  #onDisk = { events: 0, bytes: 0 }
  /** @type {Gap | undefined} */
  #gap

  /** @param {{ newId: () => string, limits?: Limits }} parts */
  constructor({ newId, limits = defaultLimits }) {
    this.#newId = newId
    this.#limits = limits
  }

  /**
   * @param {Event} event
   * @returns {boolean} whether there was room
   */
  add(event) {
    const line = JSON.stringify(event)
    const bytes = Buffer.byteLength(line) + 1
    const isCheap = cheap.has(event.event)
    if (!this.#hasRoom(bytes, isCheap)) {
      this.miss(event.at, { deed: !isCheap })
      return false
    }
    this.#lines.push(line)
    this.#memory.events += 1
    this.#memory.bytes += bytes
    return true
  }

  /**
   * One event is missing.
   * @param {string} at
   * @param {{ deed: boolean }} what
   */
  miss(at, { deed }) {
    this.#gap ??= { id: this.#newId(), from: at, to: at, count: 0, deeds: 0 }
    this.#gap.to = at
    this.#gap.count += 1
    if (deed) this.#gap.deeds += 1
  }

  /**
   * One that was on its way is missing; a gap among them counts as much as it holds.
   * @param {string} line
   * @param {string} now
   */
  missLine(line, now) {
    /** @type {Event & { count?: number, from?: string, to?: string, target?: string }} */
    const event = JSON.parse(line)
    if (event.event !== 'gap') return this.miss(event.at, { deed: !cheap.has(event.event) })
    const { id, from = now, to = now, count = 1, target } = event
    this.resume({ id, from, to, count, deeds: target === undefined ? count : 0 })
  }

  /** Everything that waits here, for the disk, where it counts from now on. @returns {string[]} */
  take() {
    const lines = this.#lines
    this.#lines = []
    this.#onDisk = {
      events: this.#onDisk.events + this.#memory.events,
      bytes: this.#onDisk.bytes + this.#memory.bytes,
    }
    this.#memory = { events: 0, bytes: 0 }
    return lines
  }

  /** What waits on the disk. @param {Size} size */
  setOnDisk(size) {
    this.#onDisk = size
  }

  get gap() {
    return this.#gap
  }

  /** One that an earlier run left. @param {Gap} gap */
  resume(gap) {
    const later = this.#gap
    this.#gap = gap
    if (later === undefined) return
    gap.to = later.to
    gap.count += later.count
    gap.deeds += later.deeds
  }

  /** The gap as an event, once there is room for refusals as well. @returns {object | undefined} */
  closeGap() {
    const gap = this.#gap
    if (gap === undefined || !this.#hasRoom(512, true)) return undefined
    this.#gap = undefined
    return eventOfGap(gap)
  }

  /**
   * @param {number} bytes
   * @param {boolean} isCheap
   */
  #hasRoom(bytes, isCheap) {
    const share = isCheap ? 0.5 : 1
    const { memory, all } = this.#limits
    const events = this.#memory.events + 1
    const size = this.#memory.bytes + bytes
    return (
      events <= memory.events * share &&
      size <= memory.bytes * share &&
      events + this.#onDisk.events <= all.events * share &&
      size + this.#onDisk.bytes <= all.bytes * share
    )
  }
}

/** @param {Gap} gap */
function eventOfGap({ id, from, to, count, deeds }) {
  const target = deeds === 0 ? { target: 'refusals only' } : {}
  return { id, at: to, event: 'gap', ...target, from, to, count }
}

module.exports = { Backlog }
