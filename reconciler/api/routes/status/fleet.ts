import type { FastifyInstance } from 'fastify'
import { objectSchema as object } from '../../../model/json-schema.ts'
import { fleetView } from '../../../status/views.ts'
import type { DoorDeps } from '../../deps.ts'
import { answers, count, flag, list, mapOf, revision, text, timestamp } from '../../schemas.ts'
import { viewerOf } from '../../sign-in.ts'

const place = object({ file: text, line: count, column: count }, ['line', 'column'])

const diagnostic = object(
  { code: text, severity: text, at: place, path: text, message: text, remedy: text, instance: text },
  ['at', 'path', 'remedy', 'instance'],
)

const fleet = object(
  {
    fleet: text,
    source: object(
      {
        description: text,
        revision,
        readAt: timestamp,
        error: object({ code: text, message: text, since: timestamp }),
      },
      ['revision', 'readAt', 'error'],
    ),
    store: object({ code: text, message: text, since: timestamp }),
    leader: object({ name: text, since: timestamp, term: count, here: flag }),
    ready: flag,
    observedAt: timestamp,
    instances: object({ total: count, phases: mapOf(count), ready: count, drifted: count, stalled: count }),
    plan: object({ id: text, revision: text, complete: flag, refused: flag, headline: text }, ['headline']),
    diagnostics: list(diagnostic),
  },
  ['store', 'leader', 'observedAt', 'plan', 'diagnostics'],
)

const schema = {
  summary: 'The fleet: its source, the revision in force, and how many instances are in which phase.',
  response: answers('The fleet, as far as the viewer may see it.', fleet),
}

/** `GET /fleet` */
export function fleetRoute(app: FastifyInstance, { feed }: Pick<DoorDeps, 'feed'>): void {
  app.get('/fleet', { schema }, async (request) => fleetView(feed.current(), viewerOf(request)))
}
