import { Readable } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import { logLevels, type LauncherLogLine } from '../../../../launcher/wire.ts'
import { objectSchema as object } from '../../../model/json-schema.ts'
import type { Viewer } from '../../../model/viewer.ts'
import type { DoorDeps } from '../../deps.ts'
import { Problem, problemResponses } from '../../problem.ts'
import { list, nameParams, text, timestamp, type NameParams } from '../../schemas.ts'
import { viewerOf } from '../../sign-in.ts'
import { streamEnd, type StreamDeps } from '../../stream-end.ts'
import { inspectedUid, mayInspectUid } from './inspected.ts'

const linesOfAPage = 100

const line = object(
  {
    id: { type: 'string', description: 'Digits that grow from line to line.' },
    at: timestamp,
    source: { type: 'string', enum: ['launcher', 'node-red'] },
    level: { type: 'string', enum: [...logLevels], description: 'Where Node-RED named one.' },
    text,
  },
  ['id', 'level'],
)

const page = object(
  {
    lines: { ...list(line), description: 'Oldest first.' },
    next: { type: 'string', description: 'The cursor for what comes after these lines, now or later.' },
    previous: { type: 'string', description: 'The cursor for what comes before them; absent at the first.' },
  },
  ['previous'],
)

const schema = {
  summary:
    'The console log of an instance: as a stream of lines, or by pages where cursor or limit is given.',
  params: nameParams,
  querystring: {
    type: 'object',
    properties: {
      tail: {
        type: 'integer',
        minimum: 0,
        maximum: 10_000,
        default: 100,
        description: 'Begin with so many last lines.',
      },
      since: {
        type: 'string',
        format: 'date-time',
        description: 'Begin with all lines from then on, and not with so many last ones.',
      },
      cursor: {
        type: 'string',
        pattern: '^-?[0-9]{16}$',
        description: '`next` or `previous` of another page; without it a page holds the newest lines.',
      },
      limit: { type: 'integer', minimum: 1, maximum: 500, description: 'A page of at most so many lines.' },
      follow: { type: 'boolean', default: false, description: 'Go on with new lines until the reader goes.' },
    },
  },
  response: {
    200: {
      description: 'The lines, oldest first.',
      content: { 'application/x-ndjson': { schema: text }, 'application/json': { schema: page } },
    },
    ...problemResponses,
  },
} as const

interface Route {
  readonly Params: NameParams
  readonly Querystring: {
    readonly tail: number
    readonly follow: boolean
    readonly since?: string
    readonly cursor?: string
    readonly limit?: number
  }
}

/** `GET /instances/:name/logs` */
export function logRoute(app: FastifyInstance, deps: Pick<DoorDeps, 'logs' | 'logPage'> & StreamDeps): void {
  // No HEAD: it would run the whole stream for nothing.
  const options = { schema, exposeHeadRoute: false }
  app.get<Route>('/instances/:name/logs', options, async (request, reply) => {
    const { name } = request.params
    const uid = inspectedUid(deps.feed.current(), viewerOf(request), { name, what: 'The log is' })
    const mayRead = (viewer: Viewer) => mayInspectUid(deps.feed.current(), viewer, uid)
    const signal = streamEnd(deps, request, reply, { mayRead })
    const { cursor, limit, ...stream } = request.query
    if (cursor !== undefined || limit !== undefined) {
      const asked = { limit: limit ?? linesOfAPage, ...(cursor === undefined ? {} : { cursor }) }
      return reply.type('application/json').send((await deps.logPage(uid, asked, signal)) ?? noLog())
    }
    const lines = deps.logs(uid, stream, signal) ?? noLog()
    return reply.type('application/x-ndjson').send(Readable.from(asText(lines, signal)))
  })
}

function noLog(): never {
  throw new Problem(404, 'No log is kept for this instance.')
}

async function* asText(lines: AsyncIterable<LauncherLogLine>, signal: AbortSignal): AsyncGenerator<string> {
  try {
    for await (const { id, at, source, level, text } of lines)
      yield `${JSON.stringify({ id, at, source, level, text })}\n`
  } catch (error) {
    if (!signal.aborted) throw error
  }
}
