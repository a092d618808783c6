import type { FastifyInstance } from 'fastify'
import type { LibraryEntry } from '../../../../model/instance-storage.ts'
import { objectSchema as object } from '../../../../model/json-schema.ts'
import { libraryPath } from '../../../../model/library-path.ts'
import type { DoorDeps } from '../../../deps.ts'
import { instanceOf } from '../../../instance-token.ts'
import { nothingStored, Problem, problemResponses } from '../../../problem.ts'
import { answers, anything, list, text } from '../../../schemas.ts'

/** Bytes. */
const bodyLimit = 5 * 1024 * 1024

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
    const folder = folderOf(path, await store.library(uid, type))
    if (path !== '' && folder.folders.length + folder.entries.length === 0)
      throw nothingStored('The library has no such entry.')
    return folder
  })

  app.put<Place & { readonly Body: { readonly meta: object; readonly body: string } }>(
    '/storage/library/:type',
    { schema: putSchema, bodyLimit },
    async (request, reply) => {
      const { type } = request.params
      const [{ uid }, path] = [instanceOf(request), pathOf(request.query.path)]
      if (path === '') throw new Problem(400, 'An entry of the library needs a name.')
      const { meta, body } = request.body
      await store.saveLibraryEntry(uid, { type, path, meta: JSON.stringify(meta), body })
      return reply.status(204).send()
    },
  )
}

function pathOf(text: string): string {
  const path = libraryPath(text)
  if (path === undefined) throw new Problem(400, 'This is no path in the library of an instance.')
  return path
}

function folderOf(path: string, all: readonly Pick<LibraryEntry, 'path' | 'meta'>[]) {
  const prefix = path === '' ? '' : `${path}/`
  const inside = all
    .filter((entry) => entry.path.startsWith(prefix))
    .map((entry) => ({ ...entry, names: entry.path.slice(prefix.length).split('/') }))
    .toSorted((a, b) => (a.path < b.path ? -1 : 1))
  const deeper = inside.filter(({ names }) => names.length > 1)
  return {
    folders: [...new Set(deeper.map(({ names: [folder = ''] }) => folder))],
    entries: inside
      .filter(({ names }) => names.length === 1)
      .map(({ names: [name = ''], meta }) => ({ name, meta: parsed(meta) })),
  }
}

function parsed(json: string): unknown {
  return JSON.parse(json)
}
