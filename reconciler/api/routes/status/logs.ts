import { Readable } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import type { LauncherLogLine } from '../../../../launcher/wire.ts'
import type { Viewer } from '../../../model/viewer.ts'
import type { FleetStatus } from '../../../status/fleet-status.ts'
import { entriesByName, mayInspect, maySee } from '../../../status/visible.ts'
import type { DoorDeps } from '../../deps.ts'
import { notFound, Problem, problemResponses } from '../../problem.ts'
import { nameParams, text, type NameParams } from '../../schemas.ts'
import { viewerOf } from '../../sign-in.ts'
import { streamEnd, type StreamDeps } from '../../stream-end.ts'

const schema = {
  summary: 'The console log of an instance, one JSON object a line: at, source, text.',
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
      follow: { type: 'boolean', default: false, description: 'Go on with new lines until the reader goes.' },
    },
  },
  response: {
    200: { description: 'The lines, oldest first.', content: { 'application/x-ndjson': { schema: text } } },
    ...problemResponses,
  },
} as const

interface Route {
  readonly Params: NameParams
  readonly Querystring: { readonly tail: number; readonly follow: boolean }
}

/** `GET /instances/:name/logs` */
export function logRoute(app: FastifyInstance, deps: Pick<DoorDeps, 'feed' | 'logs'> & StreamDeps): void {
  // No HEAD: it would run the whole stream for nothing.
  const options = { schema, exposeHeadRoute: false }
  app.get<Route>('/instances/:name/logs', options, async (request, reply) => {
    const uid = uidOf(deps.feed.current(), viewerOf(request), request.params.name)
    const signal = streamEnd(deps, request, reply)
    const { tail, follow } = request.query
    const lines = deps.logs(uid, { tail, follow }, signal)
    if (!lines) throw new Problem(404, 'No log is kept for this instance.')
    return reply.type('application/x-ndjson').send(Readable.from(asText(lines, signal)))
  })
}

/** @throws Problem the same for what is absent and what is hidden; 403 for what is seen but not to be looked into. */
function uidOf(status: FleetStatus, viewer: Viewer, name: string): string {
  const entry = entriesByName(status).get(name)
  if (!entry || !maySee(status, viewer, name)) throw notFound()
  if (mayInspect(status, viewer, name)) return entry.uid
  throw new Problem(403, 'The log is for owners, members and viewers of the team.')
}

async function* asText(lines: AsyncIterable<LauncherLogLine>, signal: AbortSignal): AsyncGenerator<string> {
  try {
    for await (const { at, source, text } of lines) yield `${JSON.stringify({ at, source, text })}\n`
  } catch (error) {
    if (!signal.aborted) throw error
  }
}
