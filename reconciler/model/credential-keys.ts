/** A key that an instance's credentials are or were encrypted with, as the store keeps it. */
export interface SealedKey {
  readonly uid: string
  /** `own` for the key that was made for the instance; else the fingerprint of a declared secret. */
  readonly id: string
  /** Encrypted under the fleet's master key. */
  readonly sealed: string
  /** RFC 3339. */
  readonly keptAt: string
}

export const ownKeyId = 'own'
