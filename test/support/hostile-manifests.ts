/** Manifests that are too large to keep as files. Each is one text, made in an instant and the same every time. */

const instance = (name: string) =>
  `apiVersion: weir/v1\nkind: Instance\nmetadata: { name: ${name} }\nspec: { team: assembly }\n`

/** A valid document of about ten million bytes, most of them one label. */
export function hugeDocument(bytes = 10_000_000): string {
  return `apiVersion: weir/v1\nkind: Team\nmetadata:\n  name: assembly\n  labels:\n    note: "${'x'.repeat(bytes)}"\nspec: {}\n`
}

/** Nested flow sequences that are never closed, or closed when asked. */
export function nestedBrackets(depth = 100_000, closed = false): string {
  return `apiVersion: weir/v1\nkind: Team\nmetadata: { name: assembly }\nspec: ${'['.repeat(depth)}${closed ? ']'.repeat(depth) : ''}\n`
}

/** Nested block mappings, one level a line. */
export function nestedMappings(depth = 2_000): string {
  return Array.from({ length: depth }, (_, level) => `${' '.repeat(level)}a:`).join('\n')
}

/** One file with very many documents, all valid. */
export function manyInstances(count = 50_000): string {
  return Array.from({ length: count }, (_, index) => instance(`press-line-${index}`)).join('---\n')
}

/** One mapping with very many different keys. */
export function manyKeys(count = 200_000): string {
  return Array.from({ length: count }, (_, index) => `key-${index}: x`).join('\n')
}

/** One mapping with the same key again and again. */
export function repeatedKey(count = 50_000): string {
  return 'kind: Team\n'.repeat(count)
}

/** Very many aliases of one small anchor. */
export function manyAliases(count = 100_000): string {
  return `a: &a x\nb:\n${'  - *a\n'.repeat(count)}`
}
