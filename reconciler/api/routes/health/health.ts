import type { FastifyInstance } from 'fastify'
import { objectSchema as object } from '../../../model/json-schema.ts'
import type { DoorDeps } from '../../deps.ts'
import { Problem } from '../../problem.ts'
import { answers, text } from '../../schemas.ts'

const health = object({ status: text })

const healthSchema = {
  summary: 'Whether the process works.',
  security: [],
  response: answers('It does.', health),
}

const readySchema = {
  summary: 'Whether the first round has ended, so that what the API says is about the fleet.',
  security: [],
  response: answers('It has.', health),
}

/** `GET /healthz` and `GET /readyz`, for whoever watches the process: without sign-in. */
export function healthRoutes(app: FastifyInstance, { feed }: Pick<DoorDeps, 'feed'>): void {
  app.get('/healthz', { schema: healthSchema }, async () => ({ status: 'ok' }))

  app.get('/readyz', { schema: readySchema }, async () => {
    const { ready, desired } = feed.current()
    if (ready) return { status: 'ready' }
    const reason = desired ? 'The first round has not ended yet.' : 'The source has not been read yet.'
    throw new Problem(503, reason, { 'retry-after': '2' })
  })
}
