import { createCipheriv, createDecipheriv, createHash } from 'node:crypto'
import type { EncryptedCredentials } from '../model/encrypted-credentials.ts'
import { Secret } from '../model/secret.ts'

/**
 * Node-RED's own way with credentials (@node-red/runtime, lib/nodes/credentials.js): AES-256-CTR under the SHA-256 of the
 * key, the vector before the ciphertext. CTR proves nothing: that a key is the right one shows by the text being JSON.
 */
const algorithm = 'aes-256-ctr'
const vectorDigits = 32

function cipherKey(key: Secret): Buffer {
  return createHash('sha256').update(key.reveal()).digest()
}

/** The credentials by node, or undefined where this is not their key. */
export function decryptCredentials(file: EncryptedCredentials, key: Secret): Secret<object> | undefined {
  const vector = Buffer.from(file.$.slice(0, vectorDigits), 'hex')
  try {
    const decipher = createDecipheriv(algorithm, cipherKey(key), vector)
    const bytes = [decipher.update(file.$.slice(vectorDigits), 'base64'), decipher.final()]
    const text = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(bytes))
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? new Secret(value)
      : undefined
  } catch {
    return undefined
  }
}

/** `vector`: 16 random bytes, never the same twice for one key. */
export function encryptCredentials(
  credentials: Secret<object>,
  key: Secret,
  vector: Uint8Array,
): EncryptedCredentials {
  const cipher = createCipheriv(algorithm, cipherKey(key), vector)
  const text = cipher.update(JSON.stringify(credentials.reveal()), 'utf8', 'base64') + cipher.final('base64')
  return { $: Buffer.from(vector).toString('hex') + text }
}
