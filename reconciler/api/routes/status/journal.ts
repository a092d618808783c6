import type { FastifyInstance } from 'fastify'
import { objectSchema as object } from '../../../model/json-schema.ts'
import type { Viewer } from '../../../model/viewer.ts'
import type { FleetStatus } from '../../../status/fleet-status.ts'
import { entriesByName, mayInspect } from '../../../status/visible.ts'
import type { JournalEntry } from '../../../store/store.ts'
import type { DoorDeps } from '../../deps.ts'
import { answers, count, journalEntry, list, pageQuery, type PageQuery } from '../../schemas.ts'
import { viewerOf } from '../../sign-in.ts'

const schema = {
  summary: 'Every step that was taken, newest first.',
  querystring: {
    ...pageQuery,
    properties: {
      ...pageQuery.properties,
      instance: { type: 'string', maxLength: 63, description: 'Only those of this instance.' },
    },
  },
  response: answers(
    'One page of steps. It may hold fewer than asked for, where others are not for the viewer.',
    object(
      {
        entries: list(journalEntry),
        next: { ...count, description: '`before` of the next page; absent on the last.' },
      },
      ['next'],
    ),
  ),
}

interface Route {
  readonly Querystring: PageQuery & { readonly instance?: string }
}

/** `GET /journal` */
export function journalRoute(app: FastifyInstance, { feed, store }: Pick<DoorDeps, 'feed' | 'store'>): void {
  app.get<Route>('/journal', { schema }, async (request) => {
    const { instance, ...page } = request.query
    const found = await store.journal(instance === undefined ? page : { ...page, name: instance })
    const status = feed.current()
    const viewer = viewerOf(request)
    const last = found.length === page.limit ? found.at(-1) : undefined
    return {
      entries: found.filter((entry) => isFor(viewer, entry, status)),
      ...(last ? { next: last.id } : {}),
    }
  })
}

/** What an instance that is gone did is for admins: its name may be another team's by now. */
function isFor(viewer: Viewer, entry: JournalEntry, status: FleetStatus): boolean {
  if (viewer.admin) return true
  return entriesByName(status).get(entry.name)?.uid === entry.uid && mayInspect(status, viewer, entry.name)
}
