import type { FastifyInstance } from 'fastify'
import { sha256 } from '../../../../model/digest.ts'
import { flowsOrigins, type FlowsOrigin, type FlowsWrite } from '../../../../model/instance-storage.ts'
import { objectSchema as object } from '../../../../model/json-schema.ts'
import type { DoorDeps } from '../../../deps.ts'
import { instanceOf } from '../../../instance-token.ts'
import { nothingStored, Problem } from '../../../problem.ts'
import { baseOf, conditions, type Conditions } from '../../../preconditions.ts'
import { answers, anything, list, text, timestamp } from '../../../schemas.ts'

/** Bytes. A flow of ten thousand nodes takes about three million. */
const bodyLimit = 20 * 1024 * 1024

interface Body {
  readonly nodes: readonly unknown[]
  readonly credentials: object
  readonly by?: string
  readonly origin?: FlowsOrigin
  readonly deploy?: string
}

const getSchema = {
  summary:
    'The flows and credentials that the editor of the instance deployed last; 404 where none ever was.',
  response: answers(
    'The flows. Credentials are as Node-RED encrypted them.',
    object(
      {
        revision: text,
        nodes: list(anything),
        credentials: anything,
        savedAt: timestamp,
        savedBy: text,
        origin: text,
      },
      ['savedBy', 'origin'],
    ),
  ),
}

const putSchema = {
  summary: 'Saves the flows and credentials of one deploy together, or neither.',
  description:
    'If-Match names the revision that the deploy started from; If-None-Match: * says that there was none. Where another ' +
    'stands in the store the answer is 412 and nothing is written. What stands there already is saved, and so ' +
    'is one that came before by the same name (`deploy`, a UUID): a deploy may be sent again.',
  headers: conditions,
  body: object(
    {
      nodes: { type: 'array', items: { type: 'object' } },
      credentials: { type: 'object' },
      // no database keeps NUL
      by: { type: 'string', pattern: '^[^\\u0000]{1,255}$' },
      origin: { enum: flowsOrigins },
      deploy: { type: 'string', pattern: '^[0-9a-f-]{36}$' },
    },
    ['by', 'origin', 'deploy'],
  ),
  response: answers('The revision that stands now.', object({ revision: text })),
}

/** `GET /storage/flows` and `PUT /storage/flows` */
export function flowsRoutes(app: FastifyInstance, { store, clock }: Pick<DoorDeps, 'store' | 'clock'>): void {
  app.get('/storage/flows', { schema: getSchema }, async (request, reply) => {
    const found = await store.flows(instanceOf(request).uid)
    if (!found) throw nothingStored('No flows have been saved.')
    const { nodes, credentials, ...rest } = found
    // Both are JSON texts: they are put in as they stand, for they may be large.
    const head = JSON.stringify(rest).slice(0, -1)
    return reply
      .header('etag', `"${found.revision}"`)
      .type('application/json; charset=utf-8')
      .serializer(String)
      .send(`${head},"nodes":${nodes},"credentials":${credentials}}`)
  })

  app.put<{ Body: Body; Headers: Conditions }>(
    '/storage/flows',
    { schema: putSchema, bodyLimit },
    async (request, reply) => {
      const base = baseOf(request.headers)
      const write = { ...contentOf(request.body), ...base, savedAt: clock.now().toISOString() }
      const { saved } = await store.saveFlows(instanceOf(request).uid, write)
      if (!saved) throw new Problem(412, 'The flows have changed since. Nothing was saved.')
      reply.header('etag', `"${write.revision}"`)
      return { revision: write.revision }
    },
  )
}

function contentOf({ nodes, credentials, by, origin, deploy }: Body): Omit<FlowsWrite, 'savedAt' | 'base'> {
  const content = { nodes: JSON.stringify(nodes), credentials: JSON.stringify(credentials) }
  const revision = sha256(`${content.nodes}\n${content.credentials}`)
  return {
    ...content,
    revision,
    ...(by === undefined ? {} : { savedBy: by }),
    ...(origin === undefined ? {} : { origin }),
    ...(deploy === undefined ? {} : { deploy }),
  }
}
