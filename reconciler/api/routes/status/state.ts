import type { FastifyInstance } from 'fastify'
import { objectSchema as object } from '../../../model/json-schema.ts'
import { toStateDocument } from '../../../status/state-document.ts'
import type { DoorDeps } from '../../deps.ts'
import { notFound, Problem } from '../../problem.ts'
import { answers, anything, list, mapOf, text, timestamp } from '../../schemas.ts'
import { viewerOf } from '../../sign-in.ts'

const state = object(
  {
    apiVersion: text,
    kind: text,
    fleet: text,
    observedAt: timestamp,
    inventory: list(anything),
    observations: list(anything),
    unreachable: mapOf(text),
    secretFingerprints: mapOf(text),
  },
  ['observedAt'],
)

const schema = {
  summary: 'Observed state and inventory, for a dry run elsewhere. For admins and their read tokens.',
  response: answers('The state document.', state),
}

/** `GET /state` */
export function stateRoute(app: FastifyInstance, { feed }: Pick<DoorDeps, 'feed'>): void {
  app.get('/state', { schema }, async (request) => {
    if (!viewerOf(request).admin) throw notFound()
    const status = feed.current()
    if (!status.observed) throw new Problem(503, 'Nothing has been observed yet.', { 'retry-after': '2' })
    return toStateDocument(status)
  })
}
