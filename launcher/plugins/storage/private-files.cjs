'use strict'
// The plugin's own files: 0600, for they hold secrets, and whole after a kill at any moment.

const { chmod, mkdir, open, readFile, rename, rm } = require('node:fs/promises')
const { dirname } = require('node:path')

/** @param {string} folder */
async function makePrivateFolder(folder) {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await chmod(folder, 0o700)
}

/**
 * Replaces a file as a whole. `durable`: it is on the disk when this settles, after a power cut too.
 * Two calls for one path must not overlap.
 * @param {string} path
 * @param {string} text
 * @param {{ durable: boolean }} how
 */
async function writePrivate(path, text, { durable }) {
  const draft = `${path}.new`
  await rm(draft, { force: true })
  const file = await open(draft, 'wx', 0o600)
  try {
    await file.writeFile(text)
    if (durable) await file.sync()
  } finally {
    await file.close()
  }
  await rename(draft, path)
  if (durable) await syncFolder(dirname(path))
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

/**
 * What a JSON file holds; undefined where there is none or it is not JSON.
 * @param {string} path
 * @returns {Promise<unknown>}
 */
async function readJson(path) {
  try {
    return JSON.parse(await readFile(path, 'utf8'))
  } catch {
    return undefined
  }
}

/**
 * @param {unknown} value
 * @returns {value is Record<string, unknown>}
 */
function isObject(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

module.exports = { isObject, makePrivateFolder, readJson, syncFolder, writePrivate }
