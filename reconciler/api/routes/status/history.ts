import type { FastifyInstance } from 'fastify'
import { objectSchema as object } from '../../../model/json-schema.ts'
import type { DoorDeps } from '../../deps.ts'
import { answers, count, list, pageQuery, text, timestamp, type PageQuery } from '../../schemas.ts'
import { viewerOf } from '../../sign-in.ts'

const round = object(
  {
    id: count,
    planId: text,
    revision: text,
    author: text,
    subject: text,
    cause: text,
    startedAt: timestamp,
    endedAt: timestamp,
    outcome: { type: 'string', enum: ['converged', 'failed', 'refused'] },
    headline: { type: 'string', description: 'What it did to the whole fleet: for admins.' },
  },
  ['author', 'subject', 'headline'],
)

const schema = {
  summary: 'The rounds that did something or failed to, newest first.',
  querystring: pageQuery,
  response: answers('One page of rounds.', object({ reconciliations: list(round) })),
}

/** `GET /history` */
export function historyRoute(app: FastifyInstance, { store }: Pick<DoorDeps, 'store'>): void {
  app.get<{ Querystring: PageQuery }>('/history', { schema }, async (request) => {
    const rounds = await store.reconciliations(request.query)
    return {
      reconciliations: viewerOf(request).admin
        ? rounds
        : rounds.map((round) => ({ ...round, headline: undefined })),
    }
  })
}
