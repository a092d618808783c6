'use strict'
// What Node-RED's own storage left in its folder, from before its storage was the reconciler's.

const { readFile, readdir, rename } = require('node:fs/promises')
const { join } = require('node:path')
const { isObject, readJson } = require('./private-files.cjs')

/** @param {string} user Node-RED's folder */
async function earlierSettings(user) {
  /** @type {Record<string, unknown>} */
  const settings = {}
  const whole = await readJson(join(user, '.config.json'))
  const rest = await readJson(join(user, '.config.runtime.json'))
  Object.assign(settings, whole, rest)
  for (const section of ['nodes', 'users', 'projects', 'modules']) {
    const content = await readJson(join(user, `.config.${section}.json`))
    if (isObject(content) && Object.keys(content).length > 0) settings[section] = content
  }
  return settings
}

/**
 * @param {string} user
 * @returns {Promise<Record<string, unknown>>}
 */
async function earlierSessions(user) {
  const sessions = await readJson(join(user, '.sessions.json'))
  return isObject(sessions) ? sessions : {}
}

/**
 * The store has them: a copy that is read again would bring ended sessions back to life.
 * @param {string} user
 */
async function retireSessions(user) {
  const file = join(user, '.sessions.json')
  await rename(file, `${file}.taken`)
}

/**
 * The entries of the library, one after the other. Links are not followed.
 * @param {string} user
 * @returns {AsyncGenerator<{ type: string, path: string, meta: Record<string, string>, body: string }>}
 */
async function* earlierLibrary(user) {
  const lib = join(user, 'lib')
  for (const type of await namesIn(lib, 'folder'))
    for await (const path of filesBelow(join(lib, type), ''))
      yield { type, path, ...parsedEntry(await readFile(join(lib, type, path), 'utf8')) }
}

/**
 * @param {string} root
 * @param {string} folder
 * @returns {AsyncGenerator<string>}
 */
async function* filesBelow(root, folder) {
  for (const name of await namesIn(join(root, folder), 'file')) yield join(folder, name)
  for (const name of await namesIn(join(root, folder), 'folder')) yield* filesBelow(root, join(folder, name))
}

/**
 * @param {string} folder
 * @param {'file' | 'folder'} kind
 */
async function namesIn(folder, kind) {
  const found = await readdir(folder, { withFileTypes: true }).catch(() => [])
  return found
    .filter((one) => !one.name.startsWith('.') && (kind === 'file' ? one.isFile() : one.isDirectory()))
    .map((one) => one.name)
}

/**
 * Node-RED writes what it knows of an entry as comments above it.
 * @param {string} text
 */
function parsedEntry(text) {
  /** @type {Record<string, string>} */
  const meta = {}
  const lines = text.split('\n')
  for (;;) {
    const [, name, value] = /^\/\/ (\w+): (.*)/.exec(lines[0] ?? '') ?? []
    if (name === undefined || value === undefined) break
    meta[name] = value.replaceAll(/\\[\\n]/g, (escape) => (escape === '\\\\' ? '\\' : '\n'))
    lines.shift()
  }
  return { meta, body: lines.join('\n') }
}

module.exports = { earlierLibrary, earlierSessions, earlierSettings, retireSessions }
