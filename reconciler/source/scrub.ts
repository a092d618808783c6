/**
 * A text without the secrets given, in any of the forms in which they travel (plain, percent-encoded, base64), and
 * without anything that stands between `://` and `@`.
 */
export function scrub(text: string, secrets: readonly string[]): string {
  let scrubbed = text.replaceAll(/:\/\/[^/\s'"]*@/g, '://')
  for (const form of secrets.flatMap(forms)) scrubbed = scrubbed.replaceAll(form, '[secret]')
  return scrubbed
}

function forms(secret: string): readonly string[] {
  if (secret.length < 4) return []
  const basic = Buffer.from(secret).toString('base64')
  return [secret, encodeURIComponent(secret), basic, basic.replace(/=+$/, '')].toSorted(
    (a, b) => b.length - a.length,
  )
}
