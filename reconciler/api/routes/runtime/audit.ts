import type { FastifyInstance } from 'fastify'
import { editorEvents, utc, type AuditFact, type EditorEvent } from '../../../model/audit.ts'
import type { InventoryEntry } from '../../../model/inventory.ts'
import { objectSchema as object } from '../../../model/json-schema.ts'
import type { DoorDeps } from '../../deps.ts'
import { instanceOf } from '../../instance-token.ts'
import { Problem } from '../../problem.ts'
import { answers, count } from '../../schemas.ts'

/** So many events of the longest texts fit into the body; a sender with more sends them one batch after the other. */
const mostEvents = 100
const bodyLimit = 256 * 1024

const digest = { type: 'string', pattern: '^[0-9a-f]{64}$', description: 'SHA-256 of the flows.' } as const

/** A field that is not named here is dropped: nothing gets into the trail because an instance sent it along. */
const event = {
  ...object(
    {
      id: {
        type: 'string',
        pattern: '^[\\w.:-]{1,64}$',
        description: 'The sender’s own, for this event alone: an event that is sent again is recorded once.',
      },
      at: { type: 'string', format: 'date-time', description: 'When it happened.' },
      event: { type: 'string', enum: [...editorEvents] },
      user: { type: 'string', minLength: 1, maxLength: 128 },
      target: {
        type: 'string',
        minLength: 1,
        maxLength: 256,
        description: 'The module with its version, the path in the library, or the name of the setting.',
      },
      flowsBefore: digest,
      flowsAfter: digest,
      count: { type: 'integer', minimum: 1, description: 'Of a gap: how many events were dropped.' },
    },
    ['user', 'target', 'flowsBefore', 'flowsAfter', 'count'],
  ),
  additionalProperties: false,
  if: { properties: { event: { const: 'gap' } } },
  // a keyword of JSON Schema
  // oxlint-disable-next-line unicorn/no-thenable
  then: { required: ['count'] },
}

const schema = {
  summary: 'What happened in the editor of the instance whose token this is.',
  body: {
    ...object({ events: { type: 'array', minItems: 1, maxItems: mostEvents, items: event } }),
    additionalProperties: false,
  },
  response: answers(
    'All of them stand in the audit trail.',
    object({ recorded: { ...count, description: 'How many of them did not stand there before.' } }),
  ),
}

interface EditorFact extends Pick<AuditFact, 'user' | 'target' | 'flowsBefore' | 'flowsAfter' | 'count'> {
  readonly id: string
  readonly at: string
  readonly event: EditorEvent
}

interface Route {
  readonly Body: { readonly events: readonly EditorFact[] }
}

/** `POST /audit` */
export function auditReportRoute(
  app: FastifyInstance,
  { store, clock }: Pick<DoorDeps, 'store' | 'clock'>,
): void {
  app.post<Route>('/audit', { schema, bodyLimit }, async (request) => {
    const receivedAt = clock.now().toISOString()
    const instance = instanceOf(request)
    const facts = request.body.events.map((fact) => factOf(fact, instance, receivedAt))
    return { recorded: (await store.appendAudit(facts)).length }
  })
}

/** The token proves which instance it was; who did it there is what the instance says. */
function factOf(
  { id, at, ...fact }: EditorFact,
  { uid, name }: Pick<InventoryEntry, 'uid' | 'name'>,
  receivedAt: string,
): AuditFact {
  const time = utc(at)
  if (time === undefined) throw new Problem(400, `The event ${id} has a time that does not exist.`)
  return { ...fact, at: time, receivedAt, key: `editor/${uid}/${id}`, uid, instance: name }
}
