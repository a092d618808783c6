import type { FastifyInstance } from 'fastify'
import { auditEvents, utc, type AuditEntry, type AuditEvent, type AuditFilter } from '../../../model/audit.ts'
import { objectSchema as object } from '../../../model/json-schema.ts'
import type { Viewer } from '../../../model/viewer.ts'
import type { FleetStatus } from '../../../status/fleet-status.ts'
import { entriesByName, mayInspect } from '../../../status/visible.ts'
import type { DoorDeps } from '../../deps.ts'
import { Problem } from '../../problem.ts'
import { answers, count, list, pageQuery, text, timestamp, type PageQuery } from '../../schemas.ts'
import { viewerOf } from '../../sign-in.ts'

const entry = object(
  {
    id: { ...count, description: 'From 1 up, without holes.' },
    at: { ...timestamp, description: 'When it happened, as whoever saw it says: RFC 3339 in UTC.' },
    event: { type: 'string', enum: [...auditEvents] },
    receivedAt: { ...timestamp, description: 'When an event of an editor came in.' },
    uid: text,
    instance: text,
    user: { type: 'string', description: 'Who did it in the editor, or whose access changed.' },
    revision: text,
    author: text,
    subject: text,
    planId: text,
    action: text,
    cause: text,
    outcome: text,
    message: text,
    allowed: { type: 'string', description: 'What --allow-deletions allowed: the id of a plan, or all.' },
    allowedBy: { type: 'string', description: 'The account on the machine of whoever allowed it.' },
    from: text,
    to: text,
    flowsBefore: text,
    flowsAfter: text,
    target: text,
    count,
    key: { type: 'string', description: 'A fact that is told again has the same.' },
    previous: text,
    hash: { type: 'string', description: 'SHA-256 of the entry without it, in canonical form (RFC 8785).' },
  },
  [
    'receivedAt',
    'uid',
    'instance',
    'user',
    'revision',
    'author',
    'subject',
    'planId',
    'action',
    'cause',
    'outcome',
    'message',
    'allowed',
    'allowedBy',
    'from',
    'to',
    'flowsBefore',
    'flowsAfter',
    'target',
    'count',
    'key',
  ],
)

const time = { type: 'string', format: 'date-time', maxLength: 40 } as const

const schema = {
  summary: 'What Git did and what people did in editors, newest first.',
  querystring: {
    ...pageQuery,
    properties: {
      ...pageQuery.properties,
      instance: {
        type: 'string',
        maxLength: 63,
        description: 'Only of this instance, also from when it had another name.',
      },
      user: { type: 'string', maxLength: 128, description: 'Only of this person.' },
      event: { type: 'string', enum: [...auditEvents] },
      since: { ...time, description: 'Only what was recorded at this time or after it.' },
      until: { ...time, description: 'Only what was recorded before this time.' },
    },
  },
  response: answers(
    'One page of entries. It may hold fewer than asked for, where others are not for the viewer.',
    object(
      {
        entries: list(entry),
        next: { ...count, description: '`before` of the next page; absent on the last.' },
      },
      ['next'],
    ),
  ),
}

interface Query extends PageQuery {
  readonly instance?: string
  readonly user?: string
  readonly event?: AuditEvent
  readonly since?: string
  readonly until?: string
}

/** `GET /audit` */
export function auditRoute(app: FastifyInstance, { feed, store }: Pick<DoorDeps, 'feed' | 'store'>): void {
  app.get<{ Querystring: Query }>('/audit', { schema }, async (request) => {
    const { query } = request
    const status = feed.current()
    const found = await store.audit({ ...pageOf(query), ...filterOf(query, status) })
    const viewer = viewerOf(request)
    const last = found.length === query.limit ? found.at(-1) : undefined
    return {
      entries: found.filter((one) => isFor(viewer, one, status)),
      ...(last ? { next: last.id } : {}),
    }
  })
}

function pageOf({ limit, before }: Query): PageQuery {
  return before === undefined ? { limit } : { limit, before }
}

function filterOf({ instance, user, event, since, until }: Query, status: FleetStatus): AuditFilter {
  const uid = instance === undefined ? undefined : entriesByName(status).get(instance)?.uid
  return {
    ...(instance === undefined
      ? {}
      : { instance: { name: instance, ...(uid === undefined ? {} : { uid }) } }),
    ...(user === undefined ? {} : { user }),
    ...(event === undefined ? {} : { event }),
    ...(since === undefined ? {} : { since: timeIn(since) }),
    ...(until === undefined ? {} : { until: timeIn(until) }),
  }
}

function timeIn(text: string): string {
  const found = utc(text)
  if (found === undefined) throw new Problem(400, 'There is no such time.')
  return found
}

/** What is about no instance, or about one that is gone, is for admins: its name may be another team's by now. */
function isFor(viewer: Viewer, { uid }: AuditEntry, status: FleetStatus): boolean {
  if (viewer.admin) return true
  const name = uid === undefined ? undefined : status.inventory.get(uid)?.name
  return name !== undefined && mayInspect(status, viewer, name)
}
