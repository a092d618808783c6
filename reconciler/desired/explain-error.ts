import type { ErrorObject } from 'ajv/dist/2020.js'
import { hostNameRemedy } from './host-name.ts'
import { nearest } from './nearest.ts'
import type { DiagnosticCode } from '../model/codes.ts'
import type { Path } from './finding.ts'

/** A schema error in words for people. */
export interface Explanation {
  readonly code: DiagnosticCode
  readonly path: Path
  readonly message: string
  readonly remedy?: string
}

/** Fields whose value may be a secret typed in the wrong place: it is never repeated. */
const confidential = /^(passwordHash|tokens|sha256|env|value|valueFrom|secret)$/

/** Says what ajv found: the path, the value, what was expected and, for a near miss, what was probably meant. */
export function explainError(error: ErrorObject): Explanation {
  const path = parsePointer(error.instancePath)
  switch (error.keyword) {
    case 'additionalProperties':
      return unknownField(error, path, String(error.params['additionalProperty']))
    case 'required':
      return {
        code: 'missing-field',
        path,
        message: `${textOf(path)} lacks the field ${quote(error.params['missingProperty'])}`,
        ...remedy(descriptionOf(error, String(error.params['missingProperty']))),
      }
    case 'propertyNames':
      return {
        code: 'invalid-value',
        path,
        message: `${textOf(path)} has the key ${quote(error.params['propertyName'])}, which is not of the right form`,
      }
    default:
      return {
        code: 'invalid-value',
        path,
        message: `${textOf(path)} is ${valueOf(path, error.data)}, expected ${expectation(error)}`,
        ...suggestion(error),
      }
  }
}

function unknownField(error: ErrorObject, path: Path, field: string): Explanation {
  const known = Object.keys(propertiesOf(error))
  const meant = nearest(field, known)
  return {
    code: 'unknown-field',
    path: [...path, field],
    message: `${textOf(path)} has no field ${quote(field)}`,
    remedy: meant === undefined ? `known fields: ${known.join(', ')}` : `did you mean ${quote(meant)}?`,
  }
}

const expectations: { readonly [keyword: string]: (error: ErrorObject) => string } = {
  type: (error) => [typeText(error.params['type']), ...[describe(error) ?? []].flat()].join(': '),
  enum: (error) => `one of ${list(error.params['allowedValues'])}`,
  const: (error) => JSON.stringify(error.params['allowedValue']),
  pattern: (error) => describe(error) ?? `text that matches ${String(error.params['pattern'])}`,
  format: (error) => `a valid ${String(error.params['format'])}`,
  minLength: (error) => `at least ${String(error.params['limit'])} characters`,
  maxLength: (error) => `at most ${String(error.params['limit'])} characters`,
  minItems: (error) =>
    error.params['limit'] === 1 ? 'at least 1 entry' : `at least ${String(error.params['limit'])} entries`,
  maxItems: (error) => `at most ${String(error.params['limit'])} entries`,
  minimum: (error) => `a number from ${String(error.params['limit'])} up`,
  maximum: (error) => `a number up to ${String(error.params['limit'])}`,
  minProperties: () => 'a name and either value or valueFrom',
  maxProperties: () => 'a name and either value or valueFrom, not both',
}

const typeTexts: ReadonlyMap<unknown, string> = new Map([
  ['object', 'a mapping'],
  ['array', 'a list'],
  ['string', 'text'],
  ['integer', 'a whole number'],
  ['number', 'a number'],
  ['boolean', 'true or false'],
])

function typeText(type: unknown): string {
  return typeTexts.get(type) ?? String(type)
}

function expectation(error: ErrorObject): string {
  return expectations[error.keyword]?.(error) ?? error.message ?? error.keyword
}

function suggestion(error: ErrorObject): { remedy?: string } {
  if (error.keyword === 'enum' && typeof error.data === 'string') {
    const meant = nearest(error.data, strings(error.params['allowedValues']))
    if (meant !== undefined) return { remedy: `did you mean ${quote(meant)}?` }
  }
  if (error.keyword === 'format' && error.params['format'] === 'hostname')
    return { remedy: hostNameRemedy(String(error.data)) }
  if (error.keyword === 'type' && error.params['type'] === 'string' && typeof error.data !== 'object')
    return { remedy: 'put it in quotes' }
  return {}
}

/** The first sentence of what the schema says of the field. */
function describe(error: ErrorObject): string | undefined {
  const text = stringAt(error.parentSchema, 'description')
  return text === undefined ? undefined : lowerFirst(text)
}

function descriptionOf(error: ErrorObject, field: string): string | undefined {
  const text = stringAt(propertiesOf(error)[field], 'description')
  return text === undefined ? undefined : `${field}: ${lowerFirst(text)}`
}

function propertiesOf(error: ErrorObject): { readonly [name: string]: unknown } {
  const properties: unknown = error.parentSchema?.['properties']
  return isRecord(properties) ? properties : {}
}

function stringAt(schema: unknown, key: string): string | undefined {
  const value = isRecord(schema) ? schema[key] : undefined
  return typeof value === 'string' ? value : undefined
}

function isRecord(value: unknown): value is { readonly [key: string]: unknown } {
  return typeof value === 'object' && value !== null
}

function remedy(text: string | undefined): { remedy?: string } {
  return text === undefined ? {} : { remedy: text }
}

function lowerFirst(text: string): string {
  return text.slice(0, 1).toLowerCase() + text.slice(1).replace(/\.$/, '')
}

function list(values: unknown): string {
  return strings(values).join(', ')
}

function strings(values: unknown): readonly string[] {
  return Array.isArray(values) ? values.map(String) : []
}

/** The value, short, unless it may be a secret. */
function valueOf(path: Path, value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object' && value !== null) return 'a mapping'
  const field = path.findLast((step) => typeof step === 'string')
  if (field !== undefined && confidential.test(field)) return 'not of the right form'
  // JSON has no NaN and no Infinity
  const text = typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? 'nothing')
  return text.length > 80 ? `${text.slice(0, 77)}…` : text
}

function quote(value: unknown): string {
  return JSON.stringify(value) ?? ''
}

/** A path as people write it: `spec.env[0].name`. */
export function textOf(path: Path): string {
  if (path.length === 0) return 'the document'
  return path.reduce<string>(
    (text, step) => (typeof step === 'number' ? `${text}[${step}]` : text === '' ? step : `${text}.${step}`),
    '',
  )
}

/** RFC 6901. */
function parsePointer(pointer: string): Path {
  return pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((step) => (/^\d+$/.test(step) ? Number(step) : step))
}
