import { LineCounter, isMap, isScalar, isSeq, parseAllDocuments, type Document } from 'yaml'
import { textOf } from './explain-error.ts'
import type { Finding, Path } from './finding.ts'
import type { Diagnostic } from '../model/diagnostic.ts'
import { defined } from '../model/defined.ts'

/** Finds the line and column of every finding, by parsing the files they are about once more. */
export function locate(
  findings: readonly Finding[],
  contents: ReadonlyMap<string, Uint8Array>,
): readonly Diagnostic[] {
  const positions = findPositions(findings, contents)
  return findings.map((finding) => {
    const { file, path, position } = finding
    const found = position ?? positions.get(finding)
    return defined({
      code: finding.code,
      severity: finding.severity,
      at: file === undefined ? undefined : { file, ...found },
      path: path === undefined || path.length === 0 ? undefined : textOf(path),
      message: finding.message,
      remedy: finding.remedy,
      instance: finding.instance,
    })
  })
}

interface Position {
  readonly line: number
  readonly column: number
}

/** File after file, so that of many files with mistakes only one at a time is held as a syntax tree. */
function findPositions(
  findings: readonly Finding[],
  contents: ReadonlyMap<string, Uint8Array>,
): ReadonlyMap<Finding, Position> {
  const positions = new Map<Finding, Position>()
  for (const [file, group] of Map.groupBy(findings, ({ file = '' }) => file)) {
    const bytes = contents.get(file)
    const wanted = group.filter(({ path, position }) => path !== undefined && position === undefined)
    if (bytes === undefined || wanted.length === 0) continue
    const parsed = parseLines(bytes)
    for (const finding of wanted) {
      const found = findPosition(finding, parsed)
      if (found !== undefined) positions.set(finding, found)
    }
  }
  return positions
}

interface ParsedLines {
  readonly documents: readonly Document.Parsed[]
  readonly lines: LineCounter
}

function findPosition(
  { document = 0, path = [] }: Finding,
  { documents, lines }: ParsedLines,
): Position | undefined {
  const offset = offsetOf(documents[document], path)
  if (offset === undefined) return undefined
  const { line, col } = lines.linePos(offset)
  return { line, column: col }
}

function parseLines(bytes: Uint8Array): ParsedLines {
  const lines = new LineCounter()
  const parsed = parseAllDocuments(new TextDecoder().decode(bytes), {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: false,
  })
  return { documents: Array.isArray(parsed) ? parsed : [], lines }
}

/** Where the deepest node on the path that exists begins; of an unknown field, its key. */
function offsetOf(document: Document.Parsed | undefined, path: Path): number | undefined {
  let node: unknown = document?.contents
  let offset = startOf(node)
  for (const step of path) {
    const found = child(node, step)
    if (found === undefined) break
    offset = startOf(found.key) ?? startOf(found.value) ?? offset
    node = found.value
  }
  return offset
}

function child(
  node: unknown,
  step: string | number,
): { readonly key?: unknown; readonly value: unknown } | undefined {
  if (isMap(node)) {
    const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step))
    return pair === undefined ? undefined : { key: pair.key, value: pair.value }
  }
  if (isSeq(node) && typeof step === 'number') return { value: node.items[step] }
  return undefined
}

function startOf(node: unknown): number | undefined {
  if (typeof node !== 'object' || node === null || !('range' in node)) return undefined
  const { range } = node
  return Array.isArray(range) && typeof range[0] === 'number' ? range[0] : undefined
}
