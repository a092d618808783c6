'use strict'

/**
 * The entries that were used last, as many as may be kept.
 * @template Value
 * @param {number} most
 */
function createRecent(most) {
  /** @type {Map<string, Value>} */
  const kept = new Map()
  return {
    /** @param {string} key */
    get(key) {
      const value = kept.get(key)
      if (value === undefined) return undefined
      kept.delete(key)
      kept.set(key, value)
      return value
    },
    /**
     * @param {string} key
     * @param {Value} value
     */
    set(key, value) {
      kept.delete(key)
      kept.set(key, value)
      if (kept.size > most) kept.delete(kept.keys().next().value ?? '')
    },
    /** @param {string} key */
    delete: (key) => kept.delete(key),
  }
}

module.exports = { createRecent }
