import type { FastifyInstance } from 'fastify'
import { launcherPhases, type LauncherState } from '../../../../launcher/wire.ts'
import { objectSchema as object } from '../../../model/json-schema.ts'
import type { DoorDeps } from '../../deps.ts'
import { instanceOf } from '../../instance-token.ts'
import { Problem, problemResponses } from '../../problem.ts'

const short = { type: 'string', maxLength: 256 } as const

const body = object(
  {
    uid: short,
    name: short,
    fleet: short,
    phase: { type: 'string', enum: [...launcherPhases] },
    message: { type: 'string', maxLength: 8192 },
    installing: { type: 'boolean' },
    settings: short,
    settingsFile: { type: 'string', enum: ['intact', 'changed', 'missing'] },
    flows: short,
    credentials: { type: 'string', enum: ['intact', 'changed'] },
    declares: object({
      flows: { type: 'boolean' },
      modules: { type: 'array', maxItems: 1000, items: short },
    }),
    modules: { type: 'object', maxProperties: 1000, additionalProperties: short },
    versions: object({ nodeRed: short, node: short }),
    port: { type: 'integer', minimum: 1, maximum: 65_535 },
    pid: { type: 'integer', minimum: 1 },
    lastLines: { type: 'array', maxItems: 50, items: { type: 'string', maxLength: 2000 } },
    restarts: { type: 'integer', minimum: 0 },
    since: { type: 'string', format: 'date-time' },
  },
  ['message', 'installing', 'settings', 'flows', 'credentials', 'declares', 'port', 'pid', 'lastLines'],
)

const schema = {
  summary: 'The state of the instance whose token this is, told by its launcher.',
  body,
  response: { 204: { description: 'Noted.', type: 'null' }, ...problemResponses },
}

/** `POST /state` */
export function stateReportRoute(app: FastifyInstance, { desk }: Pick<DoorDeps, 'desk'>): void {
  app.post<{ Body: LauncherState }>('/state', { schema }, async (request, reply) => {
    const { uid } = instanceOf(request)
    if (request.body.uid !== uid) throw new Problem(403, 'This is the state of another instance.')
    await desk.report(uid, request.body)
    return reply.status(204).send()
  })
}
