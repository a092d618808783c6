import { createCipheriv, createDecipheriv } from 'node:crypto'
import { derive, KeyError, type FleetKey } from './fleet-key.ts'
import { Secret } from '../model/secret.ts'

const algorithm = 'aes-256-gcm'
const nonceBytes = 12
const tagBytes = 16

/** A key of its own for this purpose, so that one use of the master key says nothing of another. */
function sealingKey(master: FleetKey): Buffer {
  return Buffer.from(derive(master, 'seal', 'credential keys').reveal(), 'base64url')
}

/**
 * A credential key as the store keeps it: AES-256-GCM (NIST SP 800-38D) under the fleet's master key, bound to the instance
 * by its uid as associated data. Base64url of nonce, tag and ciphertext. `nonce`: 12 random bytes.
 */
export function sealKey(master: FleetKey, uid: string, key: Secret, nonce: Uint8Array): string {
  const cipher = createCipheriv(algorithm, sealingKey(master), nonce, { authTagLength: tagBytes })
  cipher.setAAD(Buffer.from(uid))
  const text = Buffer.concat([cipher.update(key.reveal(), 'utf8'), cipher.final()])
  return Buffer.concat([nonce, cipher.getAuthTag(), text]).toString('base64url')
}

/** @throws KeyError where it was sealed under another master key, for another instance, or was changed. */
export function unsealKey(master: FleetKey, uid: string, sealed: string): Secret {
  const bytes = Buffer.from(sealed, 'base64url')
  try {
    const nonce = bytes.subarray(0, nonceBytes)
    const decipher = createDecipheriv(algorithm, sealingKey(master), nonce, { authTagLength: tagBytes })
    decipher.setAAD(Buffer.from(uid))
    decipher.setAuthTag(bytes.subarray(nonceBytes, nonceBytes + tagBytes))
    const text = Buffer.concat([decipher.update(bytes.subarray(nonceBytes + tagBytes)), decipher.final()])
    return new Secret(text.toString('utf8'))
  } catch {
    throw new KeyError(
      `the credential key of the instance ${uid} cannot be unsealed: the fleet's master key is not the one of this store; restore both from the same backup`,
    )
  }
}
