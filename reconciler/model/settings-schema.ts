import { objectSchema as object } from './json-schema.ts'

/**
 * JSON Schemas of what an instance declares of its editor, endpoints and function nodes, wherever it is told. What they
 * do not name is not told.
 */

const text = { type: 'string' } as const
const flag = { type: 'boolean' } as const
const count = { type: 'integer' } as const
const texts = { type: 'array', items: text } as const

const rules = { allow: texts, deny: texts, allowInstall: flag } as const

export const functionModulesSchema = object(rules, ['allow', 'deny', 'allowInstall'])

const palette = object({ ...rules, catalogues: texts, excludeNodes: texts }, [
  'allow',
  'deny',
  'allowInstall',
  'catalogues',
  'excludeNodes',
])

const codeEditor = object(
  {
    library: text,
    options: { type: 'object', additionalProperties: { type: ['string', 'number', 'boolean'] } },
  },
  ['library', 'options'],
)

export const editorSchema = object(
  {
    enabled: flag,
    title: text,
    timeZone: text,
    theme: text,
    header: object({ title: text, url: text }, ['title', 'url']),
    tours: flag,
    codeEditor,
    debugMaxLength: count,
    palette,
  },
  ['timeZone', 'theme', 'header', 'tours', 'codeEditor', 'debugMaxLength', 'palette'],
)

const cors = object({ origins: texts, methods: texts, headers: texts, credentials: flag, maxAge: count }, [
  'methods',
  'headers',
  'credentials',
  'maxAge',
])
const folders = { type: 'array', items: object({ path: text, root: text }) } as const

/** `bodyLimit`: as declared, or in bytes where a launcher is told. */
export function endpointsSchema<A extends object, B extends object>(access: A, bodyLimit: B) {
  return object({ access, cors, bodyLimit, static: folders }, ['cors', 'bodyLimit', 'static'])
}

export const contextSchema = { enum: ['file'] } as const
