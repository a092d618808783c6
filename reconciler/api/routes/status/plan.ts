import type { FastifyInstance } from 'fastify'
import { objectSchema as object } from '../../../model/json-schema.ts'
import { planView } from '../../../status/plan-view.ts'
import type { DoorDeps } from '../../deps.ts'
import { Problem } from '../../problem.ts'
import { answers, change, count, flag, list, text, timestamp } from '../../schemas.ts'
import { viewerOf } from '../../sign-in.ts'

const target = object({ name: text, uid: text, previously: text, driver: text }, [
  'uid',
  'previously',
  'driver',
])

const numbers = {
  create: count,
  update: count,
  restart: count,
  replace: count,
  start: count,
  stop: count,
  delete: count,
  adopt: count,
  rename: count,
  unchanged: count,
  held: count,
  losesAccess: count,
  gainsAccess: count,
}

const edited = object(
  {
    added: count,
    changed: count,
    removed: count,
    by: text,
    at: timestamp,
    nodes: list(object({ edit: text, type: text, name: text, id: text }, ['name'])),
    more: count,
  },
  ['by', 'at'],
)

const action = object(
  { kind: text, target, cause: text, reason: text, effect: text, changes: list(change), edited },
  ['edited'],
)

const plan = object(
  {
    apiVersion: text,
    kind: text,
    id: text,
    revision: text,
    complete: flag,
    summary: object({ ...numbers, headline: text }),
    actions: list(action),
    withdrawals: list(action),
    access: list(object({ user: text, instance: text, from: text, to: text }, ['from', 'to'])),
    refusals: list(object({ policy: text, message: text, remedy: text })),
    problems: list(object({ code: text, message: text, target: text }, ['target'])),
  },
  ['summary', 'refusals', 'withdrawals'],
)

const schema = {
  summary: 'The plan of the last round: what is or was left to do.',
  response: answers('The plan, as far as it is about instances the viewer may see.', plan),
}

/** `GET /plan` */
export function planRoute(app: FastifyInstance, { feed }: Pick<DoorDeps, 'feed'>): void {
  app.get('/plan', { schema }, async (request) => {
    const view = planView(feed.current(), viewerOf(request))
    if (!view) throw new Problem(404, 'There is no plan yet.')
    return view
  })
}
