/**
 * Credentials of nodes as Node-RED encrypts them (@node-red/runtime, lib/nodes/credentials.js): the initialisation vector as
 * 32 hexadecimal digits, then the ciphertext in base64.
 */
export interface EncryptedCredentials {
  readonly $: string
}

const form = /^[0-9a-f]{32}[A-Za-z0-9+/]*={0,2}$/

export function isEncryptedCredentials(value: unknown): value is EncryptedCredentials {
  return (
    typeof value === 'object' &&
    value !== null &&
    '$' in value &&
    typeof value.$ === 'string' &&
    form.test(value.$) &&
    Object.keys(value).length === 1
  )
}
