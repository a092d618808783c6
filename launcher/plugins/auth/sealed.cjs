'use strict'
// Small values that a browser keeps for us and can neither read nor alter.

const { createCipheriv, createDecipheriv, hkdfSync, randomBytes } = require('node:crypto')

/** Of AES-256-GCM, in bytes (NIST SP 800-38D). */
const [nonceBytes, tagBytes] = [12, 16]

/**
 * Seals for one purpose, with a key derived from a secret (RFC 5869): what was sealed for another purpose, or with
 * another instance's secret, does not open.
 * @param {string} secret
 * @param {string} purpose
 * @param {() => number} now
 */
function createSeal(secret, purpose, now) {
  const key = Buffer.from(hkdfSync('sha256', secret, '', `weir ${purpose}`, 32))
  /**
   * @param {Record<string, unknown>} content
   * @param {number} lifeMs
   */
  function seal(content, lifeMs) {
    const nonce = randomBytes(nonceBytes)
    const cipher = createCipheriv('aes-256-gcm', key, nonce)
    const text = JSON.stringify({ content, until: now() + lifeMs })
    const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
    return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64url')
  }
  /**
   * Undefined for what was not sealed here, or is over.
   * @param {string | undefined} value
   * @returns {{ content: Record<string, unknown>, until: number } | undefined}
   */
  function open(value) {
    if (value === undefined) return undefined
    try {
      const bytes = Buffer.from(value, 'base64url')
      const nonce = bytes.subarray(0, nonceBytes)
      const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes })
      decipher.setAuthTag(bytes.subarray(nonceBytes, nonceBytes + tagBytes))
      const sealed = bytes.subarray(nonceBytes + tagBytes)
      const opened = JSON.parse(decipher.update(sealed, undefined, 'utf8') + decipher.final('utf8'))
      return now() < opened.until ? opened : undefined
    } catch {
      return undefined
    }
  }
  return { seal, open }
}

module.exports = { createSeal }
