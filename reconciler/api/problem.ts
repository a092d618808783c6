import { STATUS_CODES } from 'node:http'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { StoreError } from '../store/store.ts'
import { objectSchema } from '../model/json-schema.ts'

/** An answer that is an error, for its reader: thrown by a handler, sent as `application/problem+json` (RFC 9457). */
export class Problem extends Error {
  readonly statusCode: number
  readonly headers: { readonly [name: string]: string }

  constructor(statusCode: number, detail: string, headers: { readonly [name: string]: string } = {}) {
    super(detail)
    this.name = 'Problem'
    this.statusCode = statusCode
    this.headers = headers
  }
}

/** The same answer for what is not there and for what the viewer may not know of. */
export function notFound(): Problem {
  return new Problem(404, 'There is no such thing, or it is not for you to see.')
}

/**
 * Nothing has been saved there. By the header an instance tells it from the 404 of a proxy, or of a door that does not know
 * the path: on this answer it brings what it has.
 */
export function nothingStored(detail: string): Problem {
  return new Problem(404, detail, { 'weir-stored': 'nothing' })
}

const schema = objectSchema(
  {
    type: { type: 'string', description: 'Always about:blank: the status says what kind of problem it is.' },
    title: { type: 'string', description: 'The status in words.' },
    status: { type: 'integer', description: 'The HTTP status.' },
    detail: { type: 'string', description: 'What is wrong.' },
  },
  ['detail'],
)

/** Goes into the responses of every route. */
export const problemResponses = {
  '4xx': {
    description: 'The request cannot be answered.',
    content: { 'application/problem+json': { schema } },
  },
  '5xx': {
    description: 'The reconciler cannot answer now.',
    content: { 'application/problem+json': { schema } },
  },
}

/** The reader learns what they did wrong; what went wrong here is for the log. */
export async function sendError(
  error: FastifyError | Problem | StoreError,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const status = statusOf(error)
  if (error instanceof Problem) reply.headers(error.headers)
  if (error instanceof StoreError)
    request.log.warn({ code: error.code, reason: error.message }, 'a request failed')
  else if (status >= 500 && !(error instanceof Problem)) request.log.error({ err: error }, 'a request failed')
  const detail = status < 500 || error instanceof Problem ? error.message : undefined
  return sendProblem(reply, status, detail)
}

function statusOf(error: FastifyError | Problem | StoreError): number {
  if (error instanceof StoreError) return 503
  const status = error.statusCode ?? 500
  return status >= 400 && status < 600 ? status : 500
}

export async function sendProblem(
  reply: FastifyReply,
  status: number,
  detail: string | undefined,
): Promise<FastifyReply> {
  const title = STATUS_CODES[status] ?? 'Error'
  const problem = { type: 'about:blank', title, status, ...(detail === undefined ? {} : { detail }) }
  // As a text: frameworks errors arise outside of any route, where there is no schema to write them by.
  return reply
    .status(status)
    .type('application/problem+json; charset=utf-8')
    .serializer(String)
    .send(JSON.stringify(problem))
}
