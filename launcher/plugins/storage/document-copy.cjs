'use strict'
// The copy of a document on this machine, and what becomes of it where the store has another.

const { isObject } = require('./private-files.cjs')

/**
 * @typedef {Record<string, unknown>} Content
 * @typedef {{ undelivered: boolean, known: string[] | undefined, content: Content }} Copy
 * `known`: what the store had, by entity tag (`''`: nothing), the last at the end: when it answered last, and whatever was
 * sent since and may have arrived. Undefined: it never answered.
 */

/** So many that were sent in vain are remembered. */
const mostKnown = 32

/**
 * @param {readonly string[] | undefined} known
 * @param {string} tag
 */
function knowing(known, tag) {
  return [...(known ?? []).filter((one) => one !== tag), tag].slice(-mostKnown)
}

/**
 * @param {unknown} value
 * @returns {Copy | undefined}
 */
function copyOf(value) {
  if (!isObject(value) || !isObject(value['content'])) return undefined
  const { known } = value
  return {
    undelivered: value['undelivered'] === true,
    known: Array.isArray(known) ? known.map(String) : undefined,
    content: value['content'],
  }
}

/**
 * What the store and Node-RED have become apart, as one.
 * Of settings the store's stand. A session must not come to life again: of the store's those stay that did not end here, of
 * those here the ones in the store, and the ones that began in this run, of which no store of before can know.
 * @param {'settings' | 'sessions'} kind
 * @param {{ stored: Content, ours: Content, began: ReadonlySet<string>, endedHere: (key: string) => boolean }} sides
 * `began`: the keys that began in this run.
 * @returns {Content}
 */
function merged(kind, { stored, ours, began, endedHere }) {
  if (kind === 'settings') return { ...ours, ...stored }
  const theirs = Object.entries(stored).filter(([key]) => key in ours || !endedHere(key))
  const onlyOurs = Object.entries(ours).filter(([key]) => !(key in stored) && began.has(key))
  return Object.fromEntries([...theirs, ...onlyOurs])
}

/**
 * Waits for something, but not for ever. Time in which this process itself did nothing but work is not counted: what it waits
 * for may have come meanwhile.
 * @template T
 * @param {Promise<T>} wanted
 * @param {number} ms
 * @returns {Promise<T | undefined>}
 */
function within(wanted, ms) {
  const sliceMs = 50
  return new Promise((resolve, reject) => {
    let left = Math.ceil(ms / sliceMs)
    const slices = setInterval(() => {
      left -= 1
      if (left <= 0) end(undefined)
    }, sliceMs)
    /** @param {T | undefined} value */
    function end(value) {
      clearInterval(slices)
      resolve(value)
    }
    wanted.then(end, (error) => {
      clearInterval(slices)
      reject(error)
    })
  })
}

module.exports = { copyOf, knowing, merged, within }
