/** Text without control and formatting characters, so that nothing from a repository can move a cursor or hide itself. */
export function plainText(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu, '\uFFFD')
}

/** A value of a change, on one line and not longer than a person reads. */
export function shownValue(value: unknown): string {
  return cut(plainText(textOf(unwrapped(value))), 100)
}

/** At most so many characters, none of them halved. */
export function cut(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1).replace(/[\uD800-\uDBFF]$/, '')}…` : text
}

/** Quotes only where the text would not be seen without them; of a digest what tells it from others. */
function textOf(value: unknown): string {
  if (isListOfText(value)) return value.join(', ')
  if (typeof value !== 'string') return JSON.stringify(value) ?? ''
  if (/^[0-9a-f]{64}$/.test(value)) return value.slice(0, 12)
  return value.trim() === value && value !== '' ? value : JSON.stringify(value)
}

function isListOfText(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === 'string')
}

/** `{ value: x }` and `{ role: x }` read better as x. */
function unwrapped(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  const [only, ...more]: readonly (readonly [string, unknown])[] = Object.entries(value)
  if (only === undefined || more.length > 0) return value
  const [key, inner] = only
  if (key === 'value' || key === 'role') return inner
  return key === 'secret' ? `secret ${String(inner)}` : value
}
