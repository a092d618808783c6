import { parseAllDocuments, LineCounter, type Document } from 'yaml'
import { duplicateKeys, type DuplicateKey } from './duplicate-keys.ts'
import { explainError } from './explain-error.ts'
import type { Finding } from './finding.ts'
import { nearest } from './nearest.ts'
import { maxDepth, tooDeepAt } from './nesting.ts'
import type { Validator } from './validators.ts'
import { kinds, type Kind, type Resource } from '../model/resource.ts'

/** One document of a file. What is invalid still says what it claims to be, so that it can be held. */
export interface ParsedDocument {
  readonly index: number
  readonly resource?: Resource
  readonly claims?: Claims
}

export interface Claims {
  readonly kind: Kind
  readonly name: string
  readonly previously?: string
}

/** What a file says; depends on its bytes alone, so that it can be kept by blob id. Findings name no file yet. */
export interface ParsedFile {
  readonly documents: readonly ParsedDocument[]
  readonly findings: readonly Finding[]
  /** false: something in it could not be told, so that it may declare anything. */
  readonly legible: boolean
  /** What stands in an illegible file, where it is text. */
  readonly text?: string
}

/** How many nodes the aliases of one document may add up to. */
const maxAliases = 100

/** One file that no reader copes with is that file's fault, and no other's. */
export function parseSafely(bytes: Uint8Array, validators: ReadonlyMap<Kind, Validator>): ParsedFile {
  try {
    const text = decode(bytes)
    if (text === undefined) return notUtf8
    const parsed = parseFile(text, validators)
    return parsed.legible || isEmpty(parsed) ? parsed : { ...parsed, text }
  } catch (error) {
    const message = `the file cannot be read: ${error instanceof Error ? error.message : String(error)}`
    return illegible({ code: 'yaml-syntax', message: message.slice(0, 200) })
  }
}

/** Reads the YAML documents of one file (YAML 1.2) and validates each against the schema of its kind. */
function parseFile(text: string, validators: ReadonlyMap<Kind, Validator>): ParsedFile {
  const deep = tooDeepAt(text)
  if (deep !== undefined)
    return illegible({
      code: 'too-deep',
      message: `nested deeper than ${maxDepth} levels`,
      position: { line: deep, column: 1 },
      remedy: 'no manifest needs that; check the brackets and the indentation',
    })
  const lines = new LineCounter()
  const parsed = parseAllDocuments(text, {
    lineCounter: lines,
    prettyErrors: false,
    strict: true,
    // looked for in duplicate-keys.ts
    uniqueKeys: false,
  })
  const documents = Array.isArray(parsed) ? parsed : []
  if (documents.every(({ contents, errors }) => contents === null && errors.length === 0))
    return illegible({
      code: 'empty-file',
      message: 'the file declares nothing; what it declared before is left as it is',
      remedy: 'remove the file if that is meant',
    })
  return merge(documents.map((document, index) => parseDocument(document, index, { lines, validators })))
}

const notUtf8 = illegible({
  code: 'yaml-encoding',
  message: 'the file is not valid UTF-8',
  remedy: 'save it as UTF-8',
})

/** What is to come into an empty file nobody knows. */
function isEmpty({ findings }: ParsedFile): boolean {
  return findings.some(({ code }) => code === 'empty-file')
}

interface DocumentContext {
  readonly lines: LineCounter
  readonly validators: ReadonlyMap<Kind, Validator>
}

function parseDocument(document: Document.Parsed, index: number, context: DocumentContext): ParsedFile {
  if (document.errors.length > 0) return syntaxErrors(document, index, context.lines)
  if (document.contents === null) return { documents: [], findings: [], legible: true }
  const repeated = duplicateKeys(document)
  if (repeated.length > 0) return repeatedKeys(repeated, index, context.lines)
  const value = expand(document, index)
  if ('finding' in value) return { documents: [], findings: [value.finding], legible: false }
  return validateDocument(value.js, index, context.validators)
}

function syntaxErrors(document: Document.Parsed, index: number, lines: LineCounter): ParsedFile {
  const findings = document.errors.slice(0, 5).map((error): Finding => {
    const { line, col } = lines.linePos(error.pos[0])
    return {
      code: 'yaml-syntax',
      severity: 'error',
      document: index,
      position: { line, column: col },
      message: error.message.replace(/\s+/g, ' ').slice(0, 200),
    }
  })
  return { documents: [], findings, legible: false }
}

function repeatedKeys(repeated: readonly DuplicateKey[], index: number, lines: LineCounter): ParsedFile {
  const findings = repeated.slice(0, 5).map(({ key, offset }): Finding => {
    const { line, col } = lines.linePos(offset)
    return {
      code: 'duplicate-key',
      severity: 'error',
      document: index,
      position: { line, column: col },
      message: `the mapping names the key ${shown(key)} twice`,
      remedy: 'keep one of them',
    }
  })
  return { documents: [], findings, legible: false }
}

/** The name is not repeated: it may be a password that begins with * and stands without quotes. */
const undefinedAlias = {
  code: 'yaml-syntax',
  severity: 'error',
  path: [],
  message: 'an alias (*name) names an anchor that is not set before it',
  remedy: 'put a text that begins with * in quotes',
} as const

function expand(
  document: Document.Parsed,
  index: number,
): { readonly js: unknown } | { readonly finding: Finding } {
  try {
    const js: unknown = document.toJS({ maxAliasCount: maxAliases })
    return { js }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    if (/unresolved alias/i.test(message)) return { finding: { ...undefinedAlias, document: index } }
    const code = /excessive alias/i.test(message) ? 'too-many-aliases' : 'yaml-syntax'
    return { finding: { code, severity: 'error', document: index, path: [], message: message.slice(0, 200) } }
  }
}

function validateDocument(
  value: unknown,
  index: number,
  validators: ReadonlyMap<Kind, Validator>,
): ParsedFile {
  const head = readHead(value)
  if ('finding' in head)
    return { documents: [], findings: [{ ...head.finding, document: index }], legible: false }
  const result = validators.get(head.kind)?.(value)
  if (result?.valid === true) {
    const { resource } = result
    return {
      documents: [
        {
          index,
          resource,
          claims: claimsOf(resource.kind, value) ?? { kind: resource.kind, name: resource.metadata.name },
        },
      ],
      findings: [],
      legible: true,
    }
  }
  const claims = claimsOf(head.kind, value)
  const findings = (result?.errors ?? [])
    // of a key of the wrong form ajv says first what is wrong with it, then that it is a key: once is enough
    .filter(({ keyword, propertyName }) => keyword === 'propertyNames' || propertyName === undefined)
    .slice(0, 20)
    .map((error): Finding => ({ ...explainError(error), severity: 'error', document: index }))
  return {
    documents: claims === undefined ? [] : [{ index, claims }],
    findings,
    legible: claims !== undefined && saysWho(value),
  }
}

type Unplaced = Pick<Finding, 'code' | 'message' | 'remedy' | 'severity' | 'path'>

function readHead(value: unknown): { readonly kind: Kind } | { readonly finding: Unplaced } {
  const severity = 'error'
  const code = 'unknown-kind'
  if (!isRecord(value))
    return {
      finding: {
        code,
        severity,
        path: [],
        message: 'the document is not a mapping with apiVersion, kind, metadata and spec',
      },
    }
  const { apiVersion, kind } = value
  if (apiVersion !== 'weir/v1')
    return {
      finding: {
        code,
        severity,
        path: ['apiVersion'],
        message: `apiVersion is ${shown(apiVersion)}, expected "weir/v1"`,
      },
    }
  const known = kinds.find((candidate) => candidate === kind)
  if (known !== undefined) return { kind: known }
  const meant = typeof kind === 'string' ? nearest(kind, kinds) : undefined
  return {
    finding: {
      code,
      severity,
      path: ['kind'],
      message: `kind is ${shown(kind)}, expected one of ${kinds.join(', ')}`,
      ...(meant === undefined ? {} : { remedy: `did you mean ${shown(meant)}?` }),
    },
  }
}

function claimsOf(kind: Kind, value: unknown): Claims | undefined {
  const metadata = isRecord(value) ? value['metadata'] : undefined
  if (!isRecord(metadata) || typeof metadata['name'] !== 'string') return undefined
  const { name, previously } = metadata
  return { kind, name, ...(typeof previously === 'string' ? { previously } : {}) }
}

/**
 * Whether the names can be the ones that were meant. `Press-Line-1` is no name, and `press-line-1` may be running: then
 * it is not known what the document declares.
 */
function saysWho(value: unknown): boolean {
  const metadata = isRecord(value) ? value['metadata'] : undefined
  if (!isRecord(metadata)) return false
  const { name, previously } = metadata
  return isName(name) && (previously === undefined || isName(previously))
}

function isName(value: unknown): boolean {
  return typeof value === 'string' && /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(value)
}

function isRecord(value: unknown): value is { readonly [key: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function shown(value: unknown): string {
  return (JSON.stringify(value) ?? 'absent').slice(0, 80)
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return undefined
  }
}

function illegible(finding: Omit<Finding, 'severity'>): ParsedFile {
  return { documents: [], findings: [{ ...finding, severity: 'error' }], legible: false }
}

function merge(parts: readonly ParsedFile[]): ParsedFile {
  return {
    documents: parts.flatMap((part) => part.documents),
    findings: parts.flatMap((part) => part.findings),
    legible: parts.every((part) => part.legible),
  }
}
