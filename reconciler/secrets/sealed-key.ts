import { derive, KeyError, type FleetKey } from './fleet-key.ts'
import { openSealed, sealText } from '../model/sealed.ts'
import { Secret } from '../model/secret.ts'

/** A key of its own for this purpose, so that one use of the master key says nothing of another. */
function sealingKey(master: FleetKey): Buffer {
  return Buffer.from(derive(master, 'seal', 'credential keys').reveal(), 'base64url')
}

/**
 * A credential key as the store keeps it: sealed under the fleet's master key, bound to the instance by its uid.
 * `nonce`: 12 random bytes.
 */
export function sealKey(master: FleetKey, uid: string, key: Secret, nonce: Uint8Array): string {
  return sealText(sealingKey(master), uid, key.reveal(), nonce)
}

/** @throws KeyError where it was sealed under another master key, for another instance, or was changed. */
export function unsealKey(master: FleetKey, uid: string, sealed: string): Secret {
  const key = openSealed(sealingKey(master), uid, sealed)
  if (key === undefined)
    throw new KeyError(
      `the credential key of the instance ${uid} cannot be unsealed: the fleet's master key is not the one of this store; restore both from the same backup`,
    )
  return new Secret(key)
}
