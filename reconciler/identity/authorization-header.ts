/** What an Authorization header says. */
export type Presented =
  | { readonly kind: 'basic'; readonly user: string; readonly password: string }
  | { readonly kind: 'bearer'; readonly token: string }

/**
 * Reads an Authorization header: HTTP Basic (RFC 7617, as UTF-8; the name ends at the first colon) or Bearer
 * (RFC 6750). Undefined when it is neither, or malformed. Pure.
 */
export function readAuthorization(header: string): Presented | undefined {
  const match = /^(basic|bearer) +([-A-Za-z0-9._~+/]+=*)$/i.exec(header)
  const [, scheme = '', value = ''] = match ?? []
  if (scheme.toLowerCase() === 'bearer') return { kind: 'bearer', token: value }
  return scheme === '' ? undefined : readBasic(value)
}

function readBasic(value: string): Presented | undefined {
  const pair = decodeUtf8(Buffer.from(value, 'base64'))
  const colon = pair?.indexOf(':') ?? -1
  if (pair === undefined || colon < 1) return undefined
  return { kind: 'basic', user: pair.slice(0, colon), password: pair.slice(colon + 1) }
}

function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}
