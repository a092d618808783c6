import type { FastifyInstance } from 'fastify'
import { sha256 } from '../../../../model/digest.ts'
import { documentKinds } from '../../../../model/instance-storage.ts'
import type { DoorDeps } from '../../../deps.ts'
import { instanceOf } from '../../../instance-token.ts'
import { baseOf, conditions, type Conditions } from '../../../preconditions.ts'
import { nothingStored, Problem, problemResponses } from '../../../problem.ts'
import { answers } from '../../../schemas.ts'

/** Bytes. Node-RED's settings hold what every member set in the editor, and a line for every node type. */
const bodyLimit = 2 * 1024 * 1024

const document = { type: 'object', additionalProperties: true } as const

const replaceDescription =
  'If-Match names the document that the writer started from, by its entity tag; If-None-Match: * says that there was none. ' +
  'Where another stands in the store the answer is 412 and nothing is written.'

/** `GET` and `PUT` of `/storage/settings` and `/storage/sessions`: each is one object that Node-RED writes as a whole. */
export function documentRoutes(app: FastifyInstance, { store }: Pick<DoorDeps, 'store'>): void {
  for (const kind of documentKinds) {
    const getSchema = {
      summary: `The ${kind} that Node-RED keeps; 404 where it has saved none.`,
      response: answers('As they were saved.', document),
    }
    app.get(`/storage/${kind}`, { schema: getSchema }, async (request, reply) => {
      const content = await store.document(instanceOf(request).uid, kind)
      if (content === undefined) throw nothingStored(`No ${kind} have been saved.`)
      reply.header('etag', tagOf(content))
      return reply.type('application/json; charset=utf-8').serializer(String).send(content)
    })

    const putSchema = {
      summary: `Replaces the ${kind} that Node-RED keeps.`,
      description: replaceDescription,
      headers: conditions,
      body: document,
      response: { 204: { description: 'Saved.', type: 'null' }, ...problemResponses },
    }
    app.put<{ Body: object; Headers: Conditions }>(
      `/storage/${kind}`,
      { schema: putSchema, bodyLimit },
      async (request, reply) => {
        const content = JSON.stringify(request.body)
        const write = { content, ...baseOf(request.headers) }
        if (!(await store.saveDocument(instanceOf(request).uid, kind, write)))
          throw new Problem(412, `The ${kind} have changed since. Nothing was saved.`)
        reply.header('etag', tagOf(content))
        return reply.status(204).send()
      },
    )
  }
}

function tagOf(content: string): string {
  return `"${sha256(content)}"`
}
