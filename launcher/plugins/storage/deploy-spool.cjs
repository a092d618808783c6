'use strict'
// Deploys that the reconciler has not taken yet, one file each, oldest first.

const { readdir, rename, rm } = require('node:fs/promises')
const { basename, join } = require('node:path')
const { isObject, makePrivateFolder, readJson, syncFolder, writePrivate } = require('./private-files.cjs')

/**
 * @typedef {{
 *   base: string | undefined,
 *   revision: string,
 *   nodes: unknown[],
 *   credentials: Record<string, unknown>,
 *   by: string | undefined,
 *   at: string,
 *   origin?: string | undefined,
 * }} Deploy `base`: the revision it started from; undefined: there were no flows. `origin`: whose flows these are: `editor`,
 * `git`, or `edit` for what an editor puts over those of Git.
 * @typedef {{ number: number, file: string }} Entry
 */

/** @param {string} folder of the plugin's files */
function createDeploySpool(folder) {
  const waiting = join(folder, 'spool')
  const apart = join(folder, 'not-delivered')
  /** @type {Entry[]} */
  let entries = []
  let last = 0

  return {
    /** Finds what an earlier run left. */
    async open() {
      await makePrivateFolder(waiting)
      const names = await readdir(waiting)
      const found = names.filter((name) => /^\d+\.json$/.test(name)).toSorted()
      entries = found.map((name) => ({ number: Number.parseInt(name, 10), file: join(waiting, name) }))
      last = entries.at(-1)?.number ?? 0
    },

    size: () => entries.length,
    oldest: () => entries[0],

    /**
     * Keeps a deploy. It is on the disk when this settles. Calls must not overlap.
     * @param {Deploy} deploy
     */
    async add(deploy) {
      const number = last + 1
      const file = join(waiting, `${String(number).padStart(9, '0')}.json`)
      await writePrivate(file, JSON.stringify(deploy), { durable: true })
      last = number
      entries.push({ number, file })
    },

    /** @param {Entry} entry */
    async read(entry) {
      return deployOf(await readJson(entry.file))
    },

    /** The deploy that was made last; undefined where none waits. */
    async newest() {
      const entry = entries.at(-1)
      return entry && deployOf(await readJson(entry.file))
    },

    /** @param {Entry} entry */
    async remove(entry) {
      await rm(entry.file, { force: true })
      entries = entries.filter((one) => one !== entry)
    },

    /**
     * Puts a deploy that will not be taken where it blocks nothing and can be found.
     * @param {Entry} entry
     * @param {'stale' | 'refused' | 'damaged'} why
     * @param {string} stamp
     * @returns {Promise<string>} its place
     */
    async setApart(entry, why, stamp) {
      await makePrivateFolder(apart)
      const file = join(
        apart,
        `${stamp.replaceAll(':', '')}-deploy-${basename(entry.file, '.json')}-${why}.json`,
      )
      await rename(entry.file, file)
      await syncFolder(apart)
      entries = entries.filter((one) => one !== entry)
      return file
    },
  }
}

/**
 * @param {unknown} value
 * @returns {Deploy | undefined}
 */
function deployOf(value) {
  if (!isObject(value)) return undefined
  const { base, revision, nodes, credentials, by, at, origin } = value
  if (typeof revision !== 'string' || !Array.isArray(nodes) || !isObject(credentials)) return undefined
  return {
    base: typeof base === 'string' ? base : undefined,
    revision,
    nodes,
    credentials,
    by: typeof by === 'string' ? by : undefined,
    at: typeof at === 'string' ? at : '',
    origin: typeof origin === 'string' ? origin : undefined,
  }
}

module.exports = { createDeploySpool }
