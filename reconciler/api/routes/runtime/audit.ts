import type { FastifyInstance } from 'fastify'
import { editorEvents, utc, type AuditFact, type EditorEvent } from '../../../model/audit.ts'
import type { InventoryEntry } from '../../../model/inventory.ts'
import { objectSchema as object } from '../../../model/json-schema.ts'
import { createAuditMeter } from '../../audit-allowance.ts'
import type { DoorDeps } from '../../deps.ts'
import { instanceOf } from '../../instance-token.ts'
import { Problem } from '../../problem.ts'
import { answers, count } from '../../schemas.ts'

/** So many events of the longest texts fit into the body; a sender with more sends them one batch after the other. */
const mostEvents = 100
const bodyLimit = 256 * 1024

const time = { type: 'string', format: 'date-time', maxLength: 40 } as const
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
      from: { ...time, description: 'Of a gap: when the first of the dropped events happened.' },
      to: { ...time, description: 'Of a gap: when the last of them happened.' },
      count: {
        type: 'integer',
        minimum: 1,
        description: 'Of a gap: how many events were dropped. Else: how often it happened once more.',
      },
    },
    ['user', 'target', 'flowsBefore', 'flowsAfter', 'from', 'to', 'count'],
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

interface EditorFact extends Pick<
  AuditFact,
  'user' | 'target' | 'flowsBefore' | 'flowsAfter' | 'from' | 'to' | 'count'
> {
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
  { store, clock, auditAllowance }: Pick<DoorDeps, 'store' | 'clock' | 'auditAllowance'>,
): void {
  const meter = createAuditMeter(auditAllowance)
  app.post<Route>('/audit', { schema, bodyLimit }, async (request) => {
    const receivedAt = clock.now().toISOString()
    const instance = instanceOf(request)
    await meter(instance.uid, request.body.events.length)
    const facts = request.body.events.map((fact) => factOf(fact, instance, receivedAt))
    return { recorded: (await store.appendAudit(facts)).length }
  })
}

/** The token proves which instance it was; who did it there is what the instance says. */
function factOf(
  { id, at, from, to, ...fact }: EditorFact,
  { uid, name }: Pick<InventoryEntry, 'uid' | 'name'>,
  receivedAt: string,
): AuditFact {
  const timeIn = (text: string): string => {
    const time = utc(text)
    if (time === undefined) throw new Problem(400, `The event ${id} has a time that does not exist.`)
    return time
  }
  const missing =
    fact.event === 'gap' && from !== undefined && to !== undefined
      ? { from: timeIn(from), to: timeIn(to) }
      : {}
  const told = { ...fact, ...missing, at: timeIn(at), receivedAt }
  return { ...told, key: `editor/${uid}/${id}`, uid, instance: name }
}
