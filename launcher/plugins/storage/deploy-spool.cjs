'use strict'
// Deploys that the reconciler has not taken yet, one file each, oldest first.

const { readdir, rename, rm, stat } = require('node:fs/promises')
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
 *   id?: string | undefined,
 * }} Deploy `base`: the revision it started from; undefined: there were no flows. `origin`: whose flows these are: `editor`,
 * `git`, or `edit` for what an editor puts over those of Git. `id`: this deploy, however often it is sent.
 * @typedef {{ number: number, file: string, bytes: number }} Entry
 * @typedef {{ deploys: number, bytes: number, apart: number }} Limits `apart`: so many that were not taken are kept
 */

/** @type {Limits} */
const usual = { deploys: 500, bytes: 256 * 1024 * 1024, apart: 100 }

/**
 * @param {string} folder of the plugin's files
 * @param {Limits} [limits]
 */
function createDeploySpool(folder, limits = usual) {
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
      entries = await Promise.all(found.map((name) => entryOf(waiting, name)))
      last = entries.at(-1)?.number ?? 0
    },

    size: () => entries.length,
    oldest: () => entries[0],

    /**
     * Keeps a deploy. It is on the disk when this settles; where it fails, it is not. Calls must not overlap.
     * @param {Deploy} deploy
     */
    async add(deploy) {
      const number = last + 1
      const text = JSON.stringify(deploy)
      const bytes = Buffer.byteLength(text)
      refuseBeyond(limits, [...entries, { bytes }])
      const file = join(waiting, `${String(number).padStart(9, '0')}.json`)
      try {
        await writePrivate(file, text, { durable: true })
      } catch (error) {
        // It may stand there all the same, and whoever deployed is told that it does not.
        await rm(file, { force: true }).catch(() => undefined)
        throw error
      }
      last = number
      entries.push({ number, file, bytes })
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
      // After a power cut it would be sent once more.
      await syncFolder(waiting).catch(() => undefined)
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
      entries = entries.filter((one) => one !== entry)
      await syncFolder(apart).catch(() => undefined)
      return file
    },

    /**
     * Removes the oldest of those that were set apart, beyond so many.
     * @returns {Promise<string[]>} their names
     */
    prune: () => prune(apart, limits.apart),
  }
}

/**
 * @param {string} waiting
 * @param {string} name
 * @returns {Promise<Entry>}
 */
async function entryOf(waiting, name) {
  const file = join(waiting, name)
  const { size } = await stat(file)
  return { number: Number.parseInt(name, 10), file, bytes: size }
}

/**
 * @param {string} folder
 * @param {number} most
 */
async function prune(folder, most) {
  const names = (await readdir(folder)).toSorted()
  const beyond = names.slice(0, Math.max(0, names.length - most))
  for (const name of beyond) await rm(join(folder, name), { force: true })
  return beyond
}

/**
 * @param {Limits} limits
 * @param {readonly { bytes: number }[]} entries
 */
function refuseBeyond({ deploys, bytes }, entries) {
  const all = entries.reduce((sum, one) => sum + one.bytes, 0)
  if (entries.length <= deploys && all <= bytes) return
  throw new Error(
    `Nothing was deployed: the reconciler is away, and ${entries.length - 1} deploys wait for it on this machine, as many as may`,
  )
}

/**
 * @param {unknown} value
 * @returns {Deploy | undefined}
 */
function deployOf(value) {
  if (!isObject(value)) return undefined
  const { base, revision, nodes, credentials } = value
  if (typeof revision !== 'string' || !Array.isArray(nodes) || !isObject(credentials)) return undefined
  return {
    base: textOf(base),
    revision,
    nodes,
    credentials,
    by: textOf(value['by']),
    at: textOf(value['at']) ?? '',
    origin: textOf(value['origin']),
    id: textOf(value['id']),
  }
}

/** @param {unknown} value */
function textOf(value) {
  return typeof value === 'string' ? value : undefined
}

module.exports = { createDeploySpool }
