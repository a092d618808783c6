import type { FastifyInstance } from 'fastify'
import { objectSchema as object } from '../../../model/json-schema.ts'
import { teamViews } from '../../../status/views.ts'
import type { DoorDeps } from '../../deps.ts'
import { notFound } from '../../problem.ts'
import { answers, list, nameParams, text, type NameParams } from '../../schemas.ts'
import { viewerOf } from '../../sign-in.ts'

const team = object(
  {
    name: text,
    displayName: text,
    role: text,
    members: list(object({ user: text, role: text })),
    instances: list(text),
  },
  ['displayName', 'role'],
)

const listSchema = {
  summary: 'The teams that the viewer belongs to; for an admin all of them.',
  response: answers('The teams by name.', object({ teams: list(team) })),
}

const oneSchema = {
  summary: 'One team.',
  params: nameParams,
  response: answers('The team.', team),
}

/** `GET /teams` and `GET /teams/:name` */
export function teamRoutes(app: FastifyInstance, { feed }: Pick<DoorDeps, 'feed'>): void {
  app.get('/teams', { schema: listSchema }, async (request) => ({
    teams: teamViews(feed.current(), viewerOf(request)),
  }))

  app.get<{ Params: NameParams }>('/teams/:name', { schema: oneSchema }, async (request) => {
    const found = teamViews(feed.current(), viewerOf(request)).find((one) => one.name === request.params.name)
    if (!found) throw notFound()
    return found
  })
}
