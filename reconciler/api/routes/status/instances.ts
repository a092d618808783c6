import type { FastifyInstance } from 'fastify'
import { objectSchema as object } from '../../../model/json-schema.ts'
import { instanceSummaries, instanceView } from '../../../status/instance-views.ts'
import { entriesByName, mayInspect } from '../../../status/visible.ts'
import type { DoorDeps } from '../../deps.ts'
import { notFound } from '../../problem.ts'
import { answers, list, nameParams, type NameParams } from '../../schemas.ts'
import { viewerOf } from '../../sign-in.ts'
import { instance, instanceSummary } from './instance-schemas.ts'

const lastActions = 10

const listSchema = {
  summary: 'The instances that the viewer may see.',
  response: answers('The instances by name.', object({ instances: list(instanceSummary) })),
}

const oneSchema = {
  summary: 'One instance: as declared, as last applied, as observed, and what differs.',
  params: nameParams,
  response: answers('The instance. How it is inside is for owners, members, viewers and admins.', instance),
}

type InstanceDeps = Pick<DoorDeps, 'feed' | 'store' | 'urlOf'>

/** `GET /instances` and `GET /instances/:name` */
export function instanceRoutes(app: FastifyInstance, { feed, store, urlOf }: InstanceDeps): void {
  app.get('/instances', { schema: listSchema }, async (request) => ({
    instances: instanceSummaries(feed.current(), viewerOf(request), urlOf),
  }))

  app.get<{ Params: NameParams }>('/instances/:name', { schema: oneSchema }, async (request) => {
    const { name } = request.params
    const status = feed.current()
    const viewer = viewerOf(request)
    const view = instanceView({ status, viewer, urlOf, name })
    if (!view) throw notFound()
    if (!mayInspect(status, viewer, name)) return view
    // The name may have been another instance's before.
    const uid = entriesByName(status).get(name)?.uid
    const journal = await store.journal({ limit: lastActions, name })
    return { ...view, actions: journal.filter((entry) => entry.uid === uid) }
  })
}
