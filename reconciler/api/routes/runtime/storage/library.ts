import type { FastifyInstance } from 'fastify'
import { objectSchema as object } from '../../../../model/json-schema.ts'
import { libraryPath } from '../../../../model/library-path.ts'
import type { DoorDeps } from '../../../deps.ts'
import { instanceOf } from '../../../instance-token.ts'
import { nothingStored, Problem, problemResponses } from '../../../problem.ts'
import { answers, anything, list, text } from '../../../schemas.ts'

/** Bytes. */
const bodyLimit = 5 * 1024 * 1024
/** Bytes of JSON: a listing holds that of every entry in a folder. */
const longestMeta = 4096

const params = object({ type: { type: 'string', pattern: '^[A-Za-z0-9_-]{1,64}$' } })
const querystring = { type: 'object', properties: { path: { type: 'string', default: '' } } } as const

interface Place {
  readonly Params: { readonly type: string }
  readonly Querystring: { readonly path: string }
}

const getSchema = {
  summary: 'An entry of the library, or what lies in a folder; 404 where there is neither.',
  params,
  querystring,
  response: answers('The entry, or the folder.', {
    type: 'object',
    properties: {
      entry: object({ meta: anything, body: text }),
      folders: list(text),
      entries: list(object({ name: text, meta: anything })),
    },
  }),
}

const putSchema = {
  summary: 'Writes an entry of the library.',
  params,
  querystring,
  body: object({ meta: { type: 'object', additionalProperties: true }, body: { type: 'string' } }),
  response: { 204: { description: 'Saved.', type: 'null' }, ...problemResponses },
}

/** `GET` and `PUT` of `/storage/library/{type}?path=` */
export function libraryRoutes(app: FastifyInstance, { store }: Pick<DoorDeps, 'store'>): void {
  app.get<Place>('/storage/library/:type', { schema: getSchema }, async (request) => {
    const { type } = request.params
    const [{ uid }, path] = [instanceOf(request), pathOf(request.query.path)]
    const entry = await store.libraryEntry(uid, type, path)
    if (entry) return { entry: { meta: parsed(entry.meta), body: entry.body } }
    const { folders, entries } = await store.library(uid, type, path)
    if (path !== '' && folders.length + entries.length === 0)
      throw nothingStored('The library has no such entry.')
    return { folders, entries: entries.map(({ name, meta }) => ({ name, meta: parsed(meta) })) }
  })

  app.put<Place & { readonly Body: { readonly meta: object; readonly body: string } }>(
    '/storage/library/:type',
    { schema: putSchema, bodyLimit },
    async (request, reply) => {
      const { type } = request.params
      const [{ uid }, path] = [instanceOf(request), pathOf(request.query.path)]
      if (path === '') throw new Problem(400, 'An entry of the library needs a name.')
      const [meta, { body }] = [metaOf(request.body.meta), request.body]
      // There is no database that keeps these as they are.
      if (!body.isWellFormed() || body.includes('\0'))
        throw new Problem(400, 'The text of an entry may not have lone surrogates or NUL in it.')
      const saved = await store.saveLibraryEntry(uid, { type, path, meta, body })
      if (saved !== 'saved') throw new Problem(409, refusals[saved])
      return reply.status(204).send()
    },
  )
}

function pathOf(text: string): string {
  const path = libraryPath(text)
  if (path === undefined) throw new Problem(400, 'This is no path in the library of an instance.')
  return path
}

const refusals = {
  shadowed: 'What is a folder in the library cannot be an entry, and what is an entry no folder.',
  full: 'The library of an instance may not be larger, nor have more entries.',
} as const

function metaOf(meta: object): string {
  const text = JSON.stringify(meta)
  if (Buffer.byteLength(text) <= longestMeta) return text
  throw new Problem(413, `What is said of an entry may have ${longestMeta} bytes.`)
}

function parsed(json: string): unknown {
  return JSON.parse(json)
}
