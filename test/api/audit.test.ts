import t from 'tap'
import { editorEvents } from '../../reconciler/model/audit.ts'
import { sha256 } from '../../reconciler/model/digest.ts'
import { headOf } from '../conformance/audit-conformance.ts'
import { basic, bearer, instanceToken, openDoors } from '../support/door-fixture.ts'
import { canary, now } from '../support/fleet-fixture.ts'

type Doors = Awaited<ReturnType<typeof openDoors>>

const headers = bearer(instanceToken)
const at = '2026-01-02T04:00:00+01:00'
const deploy = {
  id: 'boot-1:1',
  at,
  event: 'deploy',
  user: 'alice',
  flowsBefore: sha256('before'),
  flowsAfter: sha256('after'),
}

async function tell({ server }: Doors, events: unknown) {
  return server.inject({ method: 'POST', url: '/runtime/v1/audit', headers, payload: { events } })
}

async function read({ server }: Doors, user: string, query = '') {
  const answer = await server.inject({ url: `/api/v1/audit${query}`, headers: basic(user) })
  t.equal(answer.statusCode, 200, query)
  const body: { entries: Record<string, unknown>[]; next?: number } = answer.json()
  return body
}

t.test(
  'what happens in an editor is recorded once, under the instance whose token it came with',
  async (t) => {
    const doors = await openDoors(t)
    const before = (await headOf(doors.store)).id
    const gap = { id: 'boot-1:2', at: '2026-01-02T03:00:00Z', event: 'gap', count: 17 }
    const first = await tell(doors, [deploy, gap])
    t.equal(first.statusCode, 200)
    t.same(first.json(), { recorded: 2 })
    t.same((await tell(doors, [deploy, gap, deploy])).json(), { recorded: 0 })
    t.same((await tell(doors, [{ ...gap, id: 'boot-1:3' }, gap])).json(), { recorded: 1 })
    const found = await doors.store.audit({ limit: 3 })
    const { id: _id, ...fact } = deploy
    const about = { uid: 'uid-press', instance: 'press', at: '2026-01-02T03:00:00.000Z', receivedAt: now }
    t.match(found, [
      { id: before + 3, event: 'gap', count: 17 },
      { id: before + 2, event: 'gap', count: 17, ...about },
      { ...fact, id: before + 1, ...about },
    ])
    await headOf(doors.store)
  },
)

t.test('another instance’s events never collide', async (t) => {
  const doors = await openDoors(t)
  const wrapper = { uid: 'uid-wrapper', name: 'wrapper', driver: 'localfs' } as const
  await doors.store.allot({ ...wrapper, tokenSha256: sha256('token-of-wrapper') })
  t.same((await tell(doors, [deploy])).json(), { recorded: 1 })
  const answer = await doors.server.inject({
    method: 'POST',
    url: '/runtime/v1/audit',
    headers: bearer('token-of-wrapper'),
    payload: { events: [{ ...deploy, uid: 'uid-press', instance: 'press' }] },
  })
  t.same(answer.json(), { recorded: 1 })
  t.match(await doors.store.audit({ limit: 1 }), [{ uid: 'uid-wrapper', instance: 'wrapper' }])
})

t.test('whatever else is sent along is not kept', async (t) => {
  const doors = await openDoors(t)
  const more = { credentials: { key: canary }, flows: [canary], message: canary, author: canary, uid: canary }
  t.equal((await tell(doors, [{ ...deploy, ...more }])).statusCode, 200)
  t.notMatch(JSON.stringify(await doors.store.audit({ limit: 5 })), new RegExp(canary))
})

t.test('every event of an editor is taken, and nothing else', async (t) => {
  const doors = await openDoors(t)
  const events = editorEvents.map((event) => ({ id: event, at, event, target: 'x', count: 1 }))
  t.same((await tell(doors, events)).json(), { recorded: events.length })
  const before = await headOf(doors.store)
  const wrong: Readonly<Record<string, unknown>> = {
    'no events': [],
    'no list': {},
    'an event of Git': [{ ...deploy, event: 'action' }],
    'an unknown event': [{ ...deploy, event: 'flew' }],
    'a gap without a count': [{ id: 'a', at, event: 'gap' }],
    'a gap of nothing': [{ id: 'a', at, event: 'gap', count: 0 }],
    'no id': [{ ...deploy, id: undefined }],
    'an odd id': [{ ...deploy, id: 'a/b' }],
    'a long id': [{ ...deploy, id: 'x'.repeat(65) }],
    'no time': [{ ...deploy, at: undefined }],
    'a bad time': [{ ...deploy, at: 'yesterday' }],
    'a day that does not exist': [{ ...deploy, at: '2026-02-30T00:00:00Z' }],
    'a digest that is none': [{ ...deploy, flowsAfter: 'short' }],
    'a long name': [{ ...deploy, user: 'x'.repeat(129) }],
    'a long target': [{ ...deploy, target: 'x'.repeat(257) }],
    'one bad among good ones': [deploy, { ...deploy, id: 'b', event: 'flew' }],
    'too many': Array.from({ length: 101 }, (_, index) => ({ ...deploy, id: `many-${index}` })),
  }
  for (const [what, payload] of Object.entries(wrong)) {
    const answer = await tell(doors, payload)
    t.equal(answer.statusCode, 400, what)
    t.match(answer.headers['content-type'], /^application\/problem\+json/, what)
  }
  const padding = 'x'.repeat(3000)
  const large = Array.from({ length: 100 }, (_, index) => ({ ...deploy, id: `${index}`, padding }))
  t.equal((await tell(doors, large)).statusCode, 413)
  t.same(await headOf(doors.store), before, 'and nothing of it is recorded')
})

t.test('a full batch of the longest events fits', async (t) => {
  const doors = await openDoors(t)
  const events = Array.from({ length: 100 }, (_, index) => ({
    ...deploy,
    id: String(index).padStart(64, '0'),
    user: 'ü'.repeat(128),
    target: '\u{1f600}'.repeat(128),
  }))
  t.same((await tell(doors, events)).json(), { recorded: 100 })
})

t.test('a gap says from when to when it is, and nothing else has roles', async (t) => {
  const doors = await openDoors(t)
  const span = { from: '2026-01-02T03:00:00+01:00', to: '2026-01-02T02:30:00Z' }
  const gap = { id: 'gap', at: span.to, event: 'gap', count: 17, target: 'refusals only', ...span }
  t.same((await tell(doors, [gap, { ...deploy, ...span }])).json(), { recorded: 2 })
  const [other, found] = await doors.store.audit({ limit: 2 })
  t.match(found, {
    event: 'gap',
    count: 17,
    from: '2026-01-02T02:00:00.000Z',
    to: '2026-01-02T02:30:00.000Z',
  })
  t.same([other?.from, other?.to], [undefined, undefined])
  t.equal((await tell(doors, [{ ...gap, id: 'odd', from: 'viewer' }])).statusCode, 400)
})

t.test('an instance may tell so much, and another one is not in its way', async (t) => {
  const doors = await openDoors(t, { auditAllowance: { events: 5, window: 3600 } })
  await doors.store.allot({
    uid: 'uid-2',
    name: 'wrapper',
    driver: 'localfs',
    tokenSha256: sha256('token-2'),
  })
  const batch = (from: number, count: number) =>
    Array.from({ length: count }, (_, index) => ({ ...deploy, id: `event-${from + index}` }))
  t.same((await tell(doors, batch(0, 4))).json(), { recorded: 4 })
  const before = await headOf(doors.store)
  const refused = await tell(doors, batch(4, 2))
  t.equal(refused.statusCode, 429)
  t.match(refused.headers['retry-after'], /^\d+$/)
  t.match(refused.json().detail, /5 events in 3600 seconds/)
  t.same(await headOf(doors.store), before, 'none of them is recorded')
  const other = { method: 'POST', url: '/runtime/v1/audit', headers: bearer('token-2') } as const
  const answer = await doors.server.inject({ ...other, payload: { events: batch(0, 5) } })
  t.same(answer.json(), { recorded: 5 })
})

t.test('a leap second is a time', async (t) => {
  const doors = await openDoors(t)
  t.equal((await tell(doors, [{ ...deploy, at: '2016-12-31T23:59:60Z' }])).statusCode, 200)
  t.match(await doors.store.audit({ limit: 1 }), [{ at: '2016-12-31T23:59:59.000Z' }])
})

t.test('only instances tell, each by its own token', async (t) => {
  const { server, store } = await openDoors(t)
  const before = await headOf(store)
  for (const other of [basic('root'), bearer(''), bearer('another'), {}]) {
    const request = { method: 'POST', url: '/runtime/v1/audit', headers: other } as const
    t.equal((await server.inject({ ...request, payload: { events: [deploy] } })).statusCode, 401)
  }
  t.same(await headOf(store), before)
})

t.test('a person reads of the instances of their teams, an admin of all', async (t) => {
  const doors = await openDoors(t)
  await tell(doors, [deploy])
  await doors.store.addReconciliation(
    {
      planId: 'refused',
      revision: 'rev',
      cause: 'source',
      startedAt: now,
      endedAt: now,
      outcome: 'refused',
      headline: 'deletes wrapper',
    },
    ['max-deletions: it would delete wrapper'],
  )
  const instances = async (user: string) =>
    new Set((await read(doors, user)).entries.map((one) => one['instance']))
  t.same(await instances('root'), new Set([undefined, 'press', 'wrapper']))
  t.same(await instances('alice'), new Set(['press']))
  t.same(await instances('victor'), new Set(['press']), 'a viewer as well')
  t.same(await instances('bob'), new Set(['wrapper']))
  for (const nobody of ['dora', 'nobody']) t.same(await instances(nobody), new Set(), nobody)
  const ofAlice = (await read(doors, 'alice')).entries
  t.ok(ofAlice.every(({ uid }) => uid === 'uid-press'))
  t.match(ofAlice[0], {
    event: 'deploy',
    user: 'alice',
    flowsAfter: deploy.flowsAfter,
    hash: /^[0-9a-f]{64}$/,
  })
  await doors.store.appendAudit([{ at: now, event: 'deploy', uid: 'an-older-press', instance: 'press' }])
  t.same((await read(doors, 'alice')).entries, ofAlice, 'another instance had that name')
})

t.test('filters and pages', async (t) => {
  const doors = await openDoors(t)
  await doors.store.appendAudit(
    Array.from({ length: 9 }, (_, index) => ({
      at: `2026-03-0${index + 1}T00:00:00.000Z`,
      event: index % 2 === 0 ? ('deploy' as const) : ('sign-in' as const),
      uid: 'uid-press',
      instance: index < 5 ? 'its-old-name' : 'press',
      user: index % 3 === 0 ? 'alice' : 'victor',
    })),
  )
  const days = async (query: string) =>
    (await read(doors, 'alice', query)).entries.map(({ at: day }) => Number(String(day).slice(8, 10)))
  const march = 'since=2026-03-01T00:00:00Z'
  t.same(await days(`?${march}`), [9, 8, 7, 6, 5, 4, 3, 2, 1])
  t.same(await days(`?${march}&instance=press`), [9, 8, 7, 6, 5, 4, 3, 2, 1], 'whatever it was called')
  t.same(await days('?instance=its-old-name'), [5, 4, 3, 2, 1])
  t.same(await days('?user=alice'), [7, 4, 1])
  t.same(await days(`?${march}&event=sign-in`), [8, 6, 4, 2])
  t.same(await days(`?${march}&until=2026-03-03T01:00:00%2B01:00`), [2, 1])
  t.same(await days(`?${march}&user=alice&event=deploy`), [7, 1])
  const pages: number[][] = []
  let next: number | undefined
  do {
    const page = await read(doors, 'alice', `?limit=4&${march}${next === undefined ? '' : `&before=${next}`}`)
    pages.push(page.entries.map(({ id }) => Number(id)))
    ;({ next } = page)
  } while (next !== undefined)
  t.same(
    pages.map(({ length }) => length),
    [4, 4, 1],
  )
  t.same(
    pages.flat(),
    pages.flat().toSorted((a, b) => b - a),
  )
  for (const odd of [
    'event=flew',
    'since=yesterday',
    'until=2026-02-30T00:00:00Z',
    'limit=501',
    'before=0',
  ]) {
    const answer = await doors.server.inject({ url: `/api/v1/audit?${odd}`, headers: basic('root') })
    t.equal(answer.statusCode, 400, odd)
  }
})

t.test('both routes stand in the OpenAPI document', async (t) => {
  const { server } = await openDoors(t)
  const { paths } = (await server.inject({ url: '/api/v1/openapi.json', headers: basic('root') })).json()
  t.ok(paths['/api/v1/audit']?.get)
  t.match(paths['/runtime/v1/audit']?.post?.security, [{ instanceToken: [] }])
})
