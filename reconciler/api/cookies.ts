/** The value of a cookie in a Cookie header (RFC 6265, section 4.2); undefined where it is not there. Pure. */
export function readCookie(header: string | undefined, name: string): string | undefined {
  for (const pair of (header ?? '').split(';')) {
    const [key = '', value] = pair.trim().split('=', 2)
    if (key === name && value !== undefined && value !== '') return value
  }
  return undefined
}

/**
 * A Set-Cookie header for what only this server reads. `SameSite=Lax`: other sites' forms and frames do not send it,
 * links to us do.
 */
export function cookie(
  name: string,
  value: string,
  { path, secure, seconds }: { readonly path: string; readonly secure: boolean; readonly seconds: number },
): string {
  const attributes = [`Path=${path}`, `Max-Age=${seconds}`, 'HttpOnly', 'SameSite=Lax']
  return [`${name}=${value}`, ...attributes, ...(secure ? ['Secure'] : [])].join('; ')
}
