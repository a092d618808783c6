import { createECDH } from 'node:crypto'
import type { JWK } from 'oidc-provider'
import type { Secret } from '../model/secret.ts'

/**
 * The key that signs id tokens: ECDSA on P-256 (ES256, RFC 7518), made from seeds of the fleet key, so that it is the same
 * after a restart and is kept nowhere. ES256 because every client library checks it, and RSA keys cannot be
 * made from a seed. A seed that is no key (one in 2^32) is passed over.
 */
export function signingKey(seedOf: (attempt: string) => Secret): JWK {
  for (let attempt = 0; ; attempt++) {
    const seed = Buffer.from(seedOf(String(attempt)).reveal(), 'base64url')
    const curve = createECDH('prime256v1')
    try {
      curve.setPrivateKey(seed)
    } catch {
      continue
    }
    const point = curve.getPublicKey()
    return {
      kty: 'EC',
      crv: 'P-256',
      use: 'sig',
      alg: 'ES256',
      d: seed.toString('base64url'),
      x: point.subarray(1, 33).toString('base64url'),
      y: point.subarray(33).toString('base64url'),
    }
  }
}
