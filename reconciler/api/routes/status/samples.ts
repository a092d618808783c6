import type { FastifyInstance } from 'fastify'
import { objectSchema as object } from '../../../model/json-schema.ts'
import type { DoorDeps } from '../../deps.ts'
import { Problem } from '../../problem.ts'
import { answers, list, nameParams, timestamp, type NameParams } from '../../schemas.ts'
import { viewerOf } from '../../sign-in.ts'
import { inspectedUid } from './inspected.ts'

function number(description: string) {
  return { type: 'number', description } as const
}

const sample = object({
  at: timestamp,
  cpu: number('Of one core: 1 is all of it.'),
  memory: number('Resident, in bytes.'),
  loopDelayMean: number('How late timers of the event loop came, in milliseconds.'),
  loopDelayP99: number('The same, of the worst hundredth.'),
  sent: number('Messages that nodes sent, a second.'),
  received: number('Messages that nodes were given, a second.'),
})

const schema = {
  summary: 'How an instance was during the last hour: one sample every 10 s.',
  params: nameParams,
  querystring: {
    type: 'object',
    properties: { since: { type: 'string', format: 'date-time', description: 'Only later samples.' } },
  },
  response: answers(
    'The samples, oldest first. None where it does not run; a gap where it hung.',
    object({ samples: list(sample) }),
  ),
} as const

interface Route {
  readonly Params: NameParams
  readonly Querystring: { readonly since?: string }
}

/** `GET /instances/:name/samples` */
export function samplesRoute(app: FastifyInstance, deps: Pick<DoorDeps, 'feed' | 'samples'>): void {
  app.get<Route>('/instances/:name/samples', { schema }, async (request) => {
    const { name } = request.params
    const uid = inspectedUid(deps.feed.current(), viewerOf(request), { name, what: 'Samples are' })
    const samples = await deps.samples(uid, request.query.since, request.signal)
    if (samples === undefined) throw new Problem(404, 'No samples are taken of this instance.')
    return { samples }
  })
}
