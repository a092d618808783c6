import type { FastifyInstance } from 'fastify'
import { objectSchema as object } from '../../../model/json-schema.ts'
import { userViews } from '../../../status/views.ts'
import type { DoorDeps } from '../../deps.ts'
import { notFound } from '../../problem.ts'
import { answers, flag, list, nameParams, text, type NameParams } from '../../schemas.ts'
import { viewerOf } from '../../sign-in.ts'

const user = object(
  {
    name: text,
    displayName: text,
    email: text,
    admin: flag,
    teams: list(object({ team: text, role: text })),
  },
  ['displayName', 'email', 'admin'],
)

const listSchema = {
  summary: 'The viewer and those who share a team with them; for an admin everybody.',
  response: answers('The users by name.', object({ users: list(user) })),
}

const oneSchema = {
  summary: 'One user.',
  params: nameParams,
  response: answers('The user. The e-mail address is for the user and for admins.', user),
}

/** `GET /users` and `GET /users/:name` */
export function userRoutes(app: FastifyInstance, { feed }: Pick<DoorDeps, 'feed'>): void {
  app.get('/users', { schema: listSchema }, async (request) => ({
    users: userViews(feed.current(), viewerOf(request)),
  }))

  app.get<{ Params: NameParams }>('/users/:name', { schema: oneSchema }, async (request) => {
    const found = userViews(feed.current(), viewerOf(request)).find((one) => one.name === request.params.name)
    if (!found) throw notFound()
    return found
  })
}
