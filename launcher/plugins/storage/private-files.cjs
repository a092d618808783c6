'use strict'
// The plugin's own files: 0600, for they hold secrets, and whole after a kill at any moment.

const { chmod, mkdir, open, readFile, rename, rm } = require('node:fs/promises')
const { dirname } = require('node:path')

let drafts = 0

/** @param {string} folder */
async function makePrivateFolder(folder) {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await chmod(folder, 0o700)
}

/**
 * Replaces a file as a whole. `durable`: it is on the disk when this settles, after a power cut too.
 * Where two calls for one path overlap, one of them is what stands there.
 * @param {string} path
 * @param {string} text
 * @param {{ durable: boolean }} how
 */
async function writePrivate(path, text, { durable }) {
  drafts += 1
  const draft = `${path}.${drafts}.new`
  // One that a kill left.
  await rm(draft, { force: true })
  try {
    await writeNew(draft, text, durable)
    await rename(draft, path)
  } catch (error) {
    // It is nobody's, and the disk may be full.
    await rm(draft, { force: true }).catch(() => undefined)
    throw error
  }
  if (durable) await syncFolder(dirname(path))
}

/**
 * @param {string} path
 * @param {string} text
 * @param {boolean} durable
 */
async function writeNew(path, text, durable) {
  const file = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(text)
    if (durable) await file.sync()
  } finally {
    await file.close()
  }
}

/** @param {string} path */
async function syncFolder(path) {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/** What is not JSON: no object, no list, and not nothing either. */
const damaged = Symbol('damaged')

/**
 * What a JSON file holds; undefined where there is none, `damaged` where it is not JSON. What cannot be read for another
 * reason may well be there: that is an error, and nobody may go on as if it were not.
 * @param {string} path
 * @returns {Promise<unknown>}
 */
async function readJson(path) {
  const text = await readFile(path, 'utf8').catch((error) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (text === undefined) return undefined
  try {
    return JSON.parse(text)
  } catch {
    return damaged
  }
}

/**
 * @param {unknown} value
 * @returns {value is Record<string, unknown>}
 */
function isObject(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

module.exports = { damaged, isObject, makePrivateFolder, readJson, syncFolder, writePrivate }
