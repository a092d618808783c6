import { crypto } from './builtin.ts'

/**
 * The canonical form of a JSON value (RFC 8785): members sorted by UTF-16 code units, no white space. JavaScript's own
 * rendering of numbers and strings is what the RFC prescribes. Throws a TypeError for a number that is not finite.
 */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(element).join(',')}]`
  if (typeof value === 'object' && value !== null) return canonicalObject(value)
  if (typeof value === 'number' && !Number.isFinite(value))
    throw new TypeError(`${value} has no form in JSON`)
  return JSON.stringify(value) ?? 'null'
}

/** The SHA-256 of the canonical form, as 64 lower-case hexadecimal digits: equal values have equal digests. */
export function canonicalDigest(value: unknown): string {
  return crypto().createHash('sha256').update(canonicalJson(value)).digest('hex')
}

function element(value: unknown): string {
  return canonicalJson(value)
}

function canonicalObject(value: object): string {
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`).join(',')}}`
}
