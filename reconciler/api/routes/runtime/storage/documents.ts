import type { FastifyInstance } from 'fastify'
import { documentKinds } from '../../../../model/instance-storage.ts'
import type { DoorDeps } from '../../../deps.ts'
import { instanceOf } from '../../../instance-token.ts'
import { Problem, problemResponses } from '../../../problem.ts'
import { answers } from '../../../schemas.ts'

/** Bytes. Node-RED's settings hold what every member set in the editor, and a line for every node type. */
const bodyLimit = 2 * 1024 * 1024

const document = { type: 'object', additionalProperties: true } as const

/** `GET` and `PUT` of `/storage/settings` and `/storage/sessions`: each is one object that Node-RED writes as a whole. */
export function documentRoutes(app: FastifyInstance, { store }: Pick<DoorDeps, 'store'>): void {
  for (const kind of documentKinds) {
    const getSchema = {
      summary: `The ${kind} that Node-RED keeps; 404 where it has saved none.`,
      response: answers('As they were saved.', document),
    }
    app.get(`/storage/${kind}`, { schema: getSchema }, async (request, reply) => {
      const content = await store.document(instanceOf(request).uid, kind)
      if (content === undefined) throw new Problem(404, `No ${kind} have been saved.`)
      return reply.type('application/json; charset=utf-8').serializer(String).send(content)
    })

    const putSchema = {
      summary: `Replaces the ${kind} that Node-RED keeps.`,
      body: document,
      response: { 204: { description: 'Saved.', type: 'null' }, ...problemResponses },
    }
    app.put<{ Body: object }>(
      `/storage/${kind}`,
      { schema: putSchema, bodyLimit },
      async (request, reply) => {
        await store.saveDocument(instanceOf(request).uid, kind, JSON.stringify(request.body))
        return reply.status(204).send()
      },
    )
  }
}
