'use strict'
// The editor's library, with a copy on this machine of what was read from it or written to it.

const { createHash } = require('node:crypto')
const { join } = require('node:path')
const { createTurns } = require('./delivery.cjs')
const { reasonOf, refusalOf } = require('./door.cjs')
const { libraryPath } = require('./library-path.cjs')
const { isObject, makePrivateFolder, readJson, writePrivate } = require('./private-files.cjs')

/**
 * @typedef {{ [name: string]: unknown }} Meta
 * @typedef {{ door: import('./door.cjs').Door, folder: string, warn: (text: string) => void }} Parts
 */

class Library {
  #parts
  /** Of two copies of one path the later stays. */
  #inTurn = createTurns()

  /** @param {Parts} parts */
  constructor({ folder, ...parts }) {
    this.#parts = { ...parts, folder: join(folder, 'library') }
  }

  /**
   * The body of an entry, or what lies in a folder as Node-RED lists it.
   * @param {string} type
   * @param {string} path
   * @returns {Promise<string | (string | Meta)[]>}
   */
  async read(type, path) {
    const asked = allowed(path)
    /** @type {unknown} */
    let failed
    for (const name of asked === '' ? [''] : namesOf(type, asked)) {
      const answer = await this.#ask(type, name).catch((error) => {
        failed = error
      })
      if (answer !== undefined) return answer
    }
    if (failed !== undefined) throw failed
    // Node-RED's own storage takes what ends with a slash for a folder.
    if (path.endsWith('/')) return []
    throw Object.assign(new Error(`The library has no ${path}`), { code: 'not_found' })
  }

  /**
   * @param {string} type
   * @param {string} path
   */
  async has(type, path) {
    return (await this.#ask(type, allowed(path))) !== undefined
  }

  /**
   * @param {string} type
   * @param {string} path
   * @param {Meta} meta
   * @param {string} body
   */
  async save(type, path, meta, body) {
    const name = namesOf(type, allowed(path)).at(-1) ?? ''
    const content = JSON.stringify({ meta, body })
    const answer = await this.#parts.door.ask('PUT', urlOf(type, name), { content })
    if (answer.kind === 'unreachable') throw unreachable(`Nothing was saved: ${answer.reason}`)
    if (answer.status >= 300) throw new Error(`Nothing was saved: ${refusalOf(answer)}`)
    await this.#keep(type, name, { entry: { meta, body } })
    // The folders it lies in, for a time without the reconciler. What fails here costs a copy.
    const folders = name.split('/').map((_, index, names) => names.slice(0, index).join('/'))
    for (const folder of folders) void this.#ask(type, folder).catch(() => undefined)
  }

  /**
   * @param {string} type
   * @param {string} path
   */
  async #ask(type, path) {
    const answer = await this.#parts.door.ask('GET', urlOf(type, path))
    if (answer.kind === 'answer') {
      if (answer.status === 404) return undefined
      if (answer.status !== 200) throw new Error(refusalOf(answer))
      await this.#keep(type, path, answer.body)
      return understood(answer.body)
    }
    const copy = await readJson(this.#copyOf(type, path))
    if (!isObject(copy)) throw unreachable(`There is no copy on this machine, and ${answer.reason}`)
    return understood(copy)
  }

  /**
   * What fails here costs a copy, for a time without the reconciler.
   * @param {string} type
   * @param {string} path
   * @param {unknown} body
   */
  async #keep(type, path, body) {
    try {
      await this.#inTurn(async () => {
        await makePrivateFolder(this.#parts.folder)
        await writePrivate(this.#copyOf(type, path), JSON.stringify(body), { durable: false })
      })
    } catch (error) {
      this.#parts.warn(`The copy of the library on this machine cannot be written: ${reasonOf(error)}`)
    }
  }

  /**
   * By a digest: no name that somebody chose becomes the name of a file.
   * @param {string} type
   * @param {string} path
   */
  #copyOf(type, path) {
    const name = createHash('sha256').update(`${type}\0${path}`).digest('hex')
    return join(this.#parts.folder, `${name}.json`)
  }
}

/**
 * It may be tried again.
 * @param {string} message
 */
function unreachable(message) {
  return Object.assign(new Error(message), { code: 'unreachable' })
}

/** @param {string} path */
function allowed(path) {
  // Node-RED itself asks for `/` where it means all of it.
  const normal = path === '/' ? '' : libraryPath(path)
  if (normal !== undefined) return normal
  throw Object.assign(new Error('This is no path in the library'), { code: 'forbidden' })
}

/**
 * What an entry of that name may be called. Node-RED's own storage calls flows `.json`, whatever the editor says.
 * @param {string} type
 * @param {string} path
 */
function namesOf(type, path) {
  return type === 'flows' && !path.endsWith('.json') ? [path, `${path}.json`] : [path]
}

/**
 * @param {string} type
 * @param {string} path
 */
function urlOf(type, path) {
  return `/library/${encodeURIComponent(type)}?path=${encodeURIComponent(path)}`
}

/**
 * @param {unknown} answer
 * @returns {string | (string | Meta)[]}
 */
function understood(answer) {
  if (!isObject(answer)) return []
  const { entry, folders, entries } = answer
  if (isObject(entry)) return String(entry['body'])
  const listed = Array.isArray(entries) ? entries.filter(isObject) : []
  return [
    ...(Array.isArray(folders) ? folders.map(String) : []),
    ...listed.map(({ name, meta }) => ({ ...(isObject(meta) ? meta : {}), fn: name })),
  ]
}

module.exports = { Library }
