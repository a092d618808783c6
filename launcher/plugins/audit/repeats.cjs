'use strict'
// What somebody does again and again is told twice: when it begins, and how often it was repeated within the minute.

/** @typedef {import('./events.cjs').Told} Told */

const windowMs = 60_000
/** So many different ones are told apart. */
const mostKnown = 200
/** Of everything else each time is told. */
const repeating = new Set(['sign-in-refused', 'access-refused', 'settings-changed', 'credentials-exported'])

/**
 * @param {{ record: (told: Told) => void, later?: (end: () => void) => void }} parts `later` calls when a window ends.
 */
function createRepeats({ record, later = afterWindow }) {
  /** @type {Map<string, { told: Told, again: number }>} */
  let known = new Map()

  function end() {
    const ended = known
    known = new Map()
    for (const { told, again } of ended.values()) if (again > 0) record({ ...told, count: again })
  }

  return {
    /** @param {Told} told */
    record(told) {
      if (!repeating.has(told.event)) return record(told)
      const key = JSON.stringify([told.event, told.user, told.target])
      const before = known.get(key)
      if (before !== undefined) {
        before.again += 1
        return
      }
      record(told)
      if (known.size === mostKnown) return
      if (known.size === 0) later(end)
      known.set(key, { told, again: 0 })
    },
    end,
  }
}

/** @param {() => void} end */
function afterWindow(end) {
  setTimeout(end, windowMs).unref()
}

module.exports = { createRepeats }
