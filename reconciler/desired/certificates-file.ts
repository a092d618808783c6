import { X509Certificate } from 'node:crypto'
import { sha256, type Digest } from '../model/digest.ts'

/** More than any plant's own authorities take, and less than what weighs on every start. In bytes. */
const maxSize = 256 * 1024

export type CertificatesFile =
  | { readonly kind: 'certificates'; readonly digest: Digest; readonly text: string }
  | { readonly kind: 'invalid'; readonly message: string }

/**
 * Reads a file of certificates in the textual form of RFC 7468: each must be one that can be parsed. What stands between
 * them is explanatory text and left out. A private key is refused: it has no place in Git.
 */
export function parseCertificates(bytes: Uint8Array): CertificatesFile {
  if (bytes.length > maxSize)
    return { kind: 'invalid', message: `it has ${bytes.length} bytes; at most ${maxSize} are read` }
  const text = new TextDecoder('utf-8').decode(bytes)
  if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text))
    return { kind: 'invalid', message: 'it holds a private key; replace that key, since it stands in Git' }
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? []
  const begun = text.match(/-----BEGIN /g)?.length ?? 0
  if (begun === 0) return { kind: 'invalid', message: 'it holds no certificate in PEM form' }
  if (begun !== blocks.length)
    return { kind: 'invalid', message: 'it holds something that is not a whole certificate' }
  const broken = blocks.findIndex((block) => !isCertificate(block))
  if (broken >= 0)
    return { kind: 'invalid', message: `certificate ${broken + 1} of ${blocks.length} cannot be parsed` }
  const certificates = `${blocks.map((block) => block.replaceAll('\r', '')).join('\n')}\n`
  return { kind: 'certificates', digest: sha256(certificates), text: certificates }
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0
  } catch {
    return false
  }
}
