import { digestOf, type Digest } from '../model/digest.ts'
import { isEncryptedCredentials } from '../model/encrypted-credentials.ts'

export type CredentialsFile =
  | { readonly kind: 'credentials'; readonly digest: Digest; readonly text: string }
  | { readonly kind: 'invalid'; readonly message: string }

/**
 * Reads a credentials file as Node-RED writes it: `{"$": "…"}`. One that is not encrypted is refused, and what it says is
 * told to nobody.
 */
export function parseCredentials(bytes: Uint8Array): CredentialsFile {
  const text = new TextDecoder('utf-8').decode(bytes)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return { kind: 'invalid', message: 'not JSON' }
  }
  if (!isEncryptedCredentials(value))
    return { kind: 'invalid', message: 'not encrypted credentials of the form {"$": "…"}' }
  return { kind: 'credentials', digest: digestOf({ $: value.$ }), text }
}
