import { isMap, isPair, isScalar, isSeq, type Document } from 'yaml'

/** A key that its mapping names before. */
export interface DuplicateKey {
  readonly key: string
  /** Where it begins, in characters from the beginning of the file. */
  readonly offset: number
}

/**
 * Keys that stand twice in one mapping. The parser can look for them too, but compares every key with every other, so
 * that one mapping of a hundred thousand keys would take minutes.
 */
export function duplicateKeys(document: Document.Parsed): readonly DuplicateKey[] {
  const found: DuplicateKey[] = []
  const rest: unknown[] = [document.contents]
  while (rest.length > 0) {
    const node = rest.pop()
    if (isMap(node)) found.push(...repeatedIn(node.items))
    if (isMap(node) || isSeq(node)) for (const item of node.items) rest.push(isPair(item) ? item.value : item)
  }
  return found.toSorted((a, b) => a.offset - b.offset)
}

function repeatedIn(pairs: readonly { readonly key: unknown }[]): readonly DuplicateKey[] {
  const seen = new Set<string>()
  const repeated: DuplicateKey[] = []
  for (const { key } of pairs) {
    if (!isScalar(key)) continue
    const name = String(key.value)
    if (seen.has(name)) repeated.push({ key: name, offset: key.range?.[0] ?? 0 })
    seen.add(name)
  }
  return repeated
}
