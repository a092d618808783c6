'use strict'
// Takes the library that Node-RED's own storage left into the store, once, beside everything else.

const { access } = require('node:fs/promises')
const { join } = require('node:path')
const { createDelivery } = require('./delivery.cjs')
const { reasonOf } = require('./door.cjs')
const { earlierLibrary } = require('./earlier-files.cjs')
const { writePrivate } = require('./private-files.cjs')

/**
 * @typedef {{
 *   folder: string,
 *   user: string,
 *   library: InstanceType<typeof import('./library.cjs').Library>,
 *   warn: (text: string) => void,
 *   random: () => number,
 * }} Parts
 * @typedef {{ type: string, path: string, meta: Record<string, string>, body: string }} Entry
 */

/** @param {Parts} parts */
function createLibraryMove({ folder, user, library, warn, random }) {
  const done = join(folder, 'library-taken')
  const isDone = () =>
    access(done).then(
      () => true,
      () => false,
    )
  /**
   * One that the store will not have, now or later, keeps no other away from it: its file stays where it is.
   * @param {Entry} entry
   */
  async function take({ type, path, meta, body }) {
    try {
      if (!(await library.has(type, path))) await library.save(type, path, meta, body)
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'unreachable') throw error
      warn(`${join(user, 'lib', type, path)} was not taken into the library: ${reasonOf(error)}`)
    }
  }
  async function attempt() {
    if (await isDone()) return true
    for await (const entry of earlierLibrary(user)) await take(entry)
    await writePrivate(done, '', { durable: true })
    return true
  }
  const failed = (/** @type {unknown} */ error) =>
    warn(`The library from before is not in the store yet: ${reasonOf(error)}`)
  const delivery = createDelivery({ attempt, random, failed })
  return () => delivery.wake()
}

module.exports = { createLibraryMove }
