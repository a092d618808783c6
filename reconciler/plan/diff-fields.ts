import type { Fields } from '../model/fields.ts'
import type { Json } from '../model/json.ts'
import type { Change } from '../model/plan.ts'

/** What differs between what was applied and what is declared: every field counts. */
export function declaredChanges(applied: Fields, declared: Fields): readonly Change[] {
  if (applied === declared) return []
  return diff(applied, declared, Object.keys({ ...applied, ...declared }), 'change')
}

/** What differs between the configuration that was applied and that of now. A path that was not applied is left alone. */
export function configuredChanges(applied: Fields, configured: Fields): readonly Change[] {
  if (applied === configured) return none
  const paths = Object.keys(configured).filter((path) => Object.hasOwn(applied, path))
  return diff(applied, configured, paths, 'change')
}

/**
 * What differs between what was expected and what was seen. Only fields that both sides know are compared: a driver
 * that sees less, or was written before a field existed, does not make drift.
 */
export function driftedFields(expected: Fields, seen: Fields): readonly Change[] {
  const paths = Object.keys(expected).filter(
    (path) => Object.hasOwn(seen, path) && !equal(seen[path], expected[path]),
  )
  return paths.length === 0 ? none : diff(seen, expected, paths, 'drift')
}

const none: readonly Change[] = []

function diff(from: Fields, to: Fields, paths: readonly string[], cause: Change['cause']): readonly Change[] {
  return paths
    .filter((path) => !equal(from[path], to[path]))
    .toSorted()
    .map((path) => change(path, cause, from[path], to[path]))
}

function change(path: string, cause: Change['cause'], from: Json | undefined, to: Json | undefined): Change {
  const [before, after] = [shown(from), shown(to)]
  const onlySecret = from !== undefined && to !== undefined && equal(before, after)
  return {
    path,
    cause,
    ...(before === undefined ? {} : { from: before }),
    ...(after === undefined ? {} : { to: after }),
    ...(onlySecret ? { secret: 'changed' as const } : {}),
  }
}

/** Digests of secrets are for comparing, not for showing. */
function shown(value: Json | undefined): Change['from'] {
  if (Array.isArray(value)) return value.map((item: Json) => shown(item) ?? null)
  if (typeof value !== 'object' || value === null) return value
  const visible = Object.entries(value).filter(([key]) => key !== 'fingerprint' && key !== 'password')
  return Object.fromEntries(visible.map(([key, item]) => [key, shown(item) ?? null]))
}

/** JSON equality; the order of keys does not count. */
export function equal(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  const [left, right] = [Object.entries(a), new Map<string, Json>(Object.entries(b))]
  return (
    Array.isArray(a) === Array.isArray(b) &&
    left.length === right.size &&
    left.every(([key, value]) => right.has(key) && equal(value, right.get(key)))
  )
}
