'use strict'
// Credentials as Node-RED encrypts them (@node-red/runtime, lib/nodes/credentials.js): AES-256-CTR under the SHA-256 of the
// key, the vector as 32 hexadecimal digits before the ciphertext. CTR proves nothing: the right key shows by JSON.

const { createCipheriv, createDecipheriv, createHash, randomBytes } = require('node:crypto')
const { isDeepStrictEqual } = require('node:util')
const { isObject } = require('./private-files.cjs')

/** @typedef {Record<string, unknown>} Credentials */

const algorithm = 'aes-256-ctr'
const vectorDigits = 32

/** @param {string} key */
function cipherKey(key) {
  return createHash('sha256').update(key).digest()
}

/**
 * @param {Credentials} credentials
 * @param {string} key
 * @returns {Credentials | undefined} undefined: it is not this key
 */
function decrypted({ $: text }, key) {
  if (typeof text !== 'string') return undefined
  try {
    const vector = Buffer.from(text.slice(0, vectorDigits), 'hex')
    const decipher = createDecipheriv(algorithm, cipherKey(key), vector)
    const bytes = [decipher.update(text.slice(vectorDigits), 'base64'), decipher.final()]
    /** @type {unknown} */
    const value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(bytes)))
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

/**
 * @param {Credentials} credentials
 * @param {string} key
 */
function encrypted(credentials, key) {
  const vector = randomBytes(vectorDigits / 2)
  const cipher = createCipheriv(algorithm, cipherKey(key), vector)
  const text = cipher.update(JSON.stringify(credentials), 'utf8', 'base64') + cipher.final('base64')
  return { $: vector.toString('hex') + text }
}

/** @param {Credentials} credentials */
function isEncrypted(credentials) {
  return typeof credentials['$'] === 'string' && Object.keys(credentials).length === 1
}

/** @param {readonly string[]} keys the one in force, then those before it */
function createCredentialKeys(keys) {
  const [inForce = ''] = keys
  /** @param {Credentials} credentials */
  function open(credentials) {
    if (!isEncrypted(credentials)) return { key: inForce, plain: credentials }
    for (const key of keys) {
      const plain = decrypted(credentials, key)
      if (plain !== undefined) return { key, plain }
    }
    return undefined
  }
  return {
    /**
     * The same credentials under the key in force: the very object where they are already. Undefined where no key that is
     * known is theirs.
     * @param {Credentials} credentials
     * @returns {Credentials | undefined}
     */
    underKeyInForce(credentials) {
      const opened = open(credentials)
      if (opened === undefined || opened.key === inForce) return opened && credentials
      return encrypted(opened.plain, inForce)
    },

    /**
     * Whether both say the same of the given nodes, whatever they are encrypted with.
     * @param {Credentials} one
     * @param {Credentials} other
     * @param {readonly unknown[]} nodes
     */
    same(one, other, nodes) {
      const [a, b] = [open(one), open(other)]
      if (a === undefined || b === undefined) return false
      const ids = nodes.map((node) => (isObject(node) ? String(node['id']) : ''))
      return ids.every((id) => isDeepStrictEqual(a.plain[id] ?? {}, b.plain[id] ?? {}))
    },
  }
}

module.exports = { createCredentialKeys }
