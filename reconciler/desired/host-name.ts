/**
 * A name that a proxy can route by: labels of letters, digits and hyphens (RFC 1123, 2.1), at most 253 characters. A browser
 * sends the dot at the end of a full name, or leaves it out, as it was typed, so that such a name is reached by half
 * of those who ask; and what ends in a number is an address (URL Standard, 3.5). Pure.
 */
export function isHostName(text: string): boolean {
  const labels = text.split('.')
  const last = labels.at(-1) ?? ''
  return (
    text.length <= 253 && labels.every((label) => isLabel.test(label)) && !/^(?:\d+|0x[\da-f]*)$/i.test(last)
  )
}

const isLabel = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i

/** What is to be done about a text that is none. Pure. */
export function hostNameRemedy(text: string): string {
  const meant = text.replace(/^https?:\/\//, '').replace(/[/.]+$/, '')
  return meant !== text && isHostName(meant)
    ? `did you mean "${meant}"?`
    : 'labels of letters, digits and hyphens, joined by dots, at most 253 characters; no address, no wildcard'
}
