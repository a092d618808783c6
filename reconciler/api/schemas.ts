import { phases } from '../model/observed-state.ts'
import { objectSchema as object } from '../model/json-schema.ts'
import { problemResponses } from './problem.ts'

/** JSON Schemas that several routes answer with. What a schema does not name is never sent. */

export const text = { type: 'string' } as const
export const flag = { type: 'boolean' } as const
export const count = { type: 'integer', minimum: 0 } as const
export const anything = {} as const
export const timestamp = { type: 'string', description: 'RFC 3339.' } as const

export function list<T extends object>(items: T) {
  return { type: 'array', items } as const
}

export function mapOf<T extends object>(values: T) {
  return { type: 'object', additionalProperties: values } as const
}

/** The responses of a route that answers in JSON. */
export function answers(description: string, schema: object) {
  return { 200: { description, content: { 'application/json': { schema } } }, ...problemResponses }
}

export const phase = { type: 'string', enum: [...phases] } as const

export const condition = object(
  {
    type: text,
    status: { type: 'string', enum: ['True', 'False', 'Unknown'] },
    reason: text,
    message: text,
    since: timestamp,
    observedRevision: text,
  },
  ['message'],
)

export const change = object(
  {
    path: text,
    cause: { type: 'string', enum: ['change', 'drift'] },
    from: anything,
    to: anything,
    secret: text,
  },
  ['from', 'to', 'secret'],
)

export const revision = object(
  {
    id: text,
    kind: { type: 'string', enum: ['commit', 'directory'] },
    author: text,
    subject: text,
    at: timestamp,
  },
  ['author', 'subject', 'at'],
)

export const journalEntry = object(
  {
    id: count,
    planId: text,
    revision: text,
    uid: text,
    name: text,
    action: text,
    startedAt: timestamp,
    endedAt: timestamp,
    outcome: { type: 'string', enum: ['applied', 'failed', 'interrupted'] },
    error: text,
  },
  ['endedAt', 'outcome', 'error'],
)

export const pageQuery = {
  type: 'object',
  properties: {
    limit: { type: 'integer', minimum: 1, maximum: 500, default: 50, description: 'At most this many.' },
    before: { type: 'integer', minimum: 1, description: 'Only entries with a smaller id.' },
  },
} as const

export interface PageQuery {
  readonly limit: number
  readonly before?: number
}

export const nameParams = object({ name: { type: 'string', minLength: 1, maxLength: 63 } })

export interface NameParams {
  readonly name: string
}
