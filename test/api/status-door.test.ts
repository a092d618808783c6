import { Ajv2020 } from 'ajv/dist/2020.js'
import t from 'tap'
import planSchema from '../../schemas/plan.schema.json' with { type: 'json' }
import { parseStateDocument, toStateDocument } from '../../reconciler/status/state-document.ts'
import { desiredState, fleetStatus, now, plan, tokens } from '../support/fleet-fixture.ts'
import { basic, bearer, hashes, openDoors } from '../support/door-fixture.ts'

const root = basic('root')
const alice = basic('alice')

t.test('the fleet is counted as far as one sees it', async (t) => {
  const { server } = await openDoors(t)
  const all = (await server.inject({ url: '/api/v1/fleet', headers: root })).json()
  t.match(all, {
    fleet: 'fleet-1',
    source: {
      description: 'https://git.example.com/fleet.git',
      revision: { subject: 'Add a press' },
      readAt: now,
    },
    instances: { total: 3, phases: { running: 1, crashed: 1, pending: 1 }, ready: 1, drifted: 1, stalled: 0 },
    plan: { headline: 'updates 2 instances', refused: true },
    diagnostics: [{ code: 'missing-secret', instance: 'press' }],
  })
  const some = (await server.inject({ url: '/api/v1/fleet', headers: alice })).json()
  t.match(some.instances, { total: 1, phases: { running: 0, crashed: 1 }, ready: 0, drifted: 1 })
  t.notOk('diagnostics' in some)
})

t.test('an instance is shown as declared, applied, observed, with drift and last actions', async (t) => {
  const { server } = await openDoors(t)
  const press = (await server.inject({ url: '/api/v1/instances/press', headers: alice })).json()
  t.match(press, {
    name: 'press',
    uid: 'uid-press',
    team: 'assembly',
    phase: 'crashed',
    url: 'http://127.0.0.1:12080/',
    ready: false,
    drifted: true,
    desired: {
      state: 'running',
      stack: { nodeRed: '5.0.7', node: 24 },
      port: 12080,
      env: [{ name: 'SITE' }, { name: 'API_KEY', secret: 'press-key' }],
      flows: { path: 'flows/press.json' },
      access: [{ user: 'alice', role: 'owner' }],
    },
    applied: { revision: 'c'.repeat(40), at: now },
    observed: { kind: 'present', phase: 'crashed', fields: { state: 'stopped' }, message: 'exit code 1' },
  })
  t.same(press.drift, [
    { path: 'state', cause: 'drift', from: 'stopped', to: 'running' },
    { path: 'env.API_KEY', cause: 'drift', secret: 'changed' },
  ])
  t.same(
    press.actions.map((one: { uid: string }) => one.uid),
    ['uid-press', 'uid-press'],
    'not those of a namesake',
  )
  const wrapper = (await server.inject({ url: '/api/v1/instances/wrapper', headers: root })).json()
  t.match(wrapper.observed, { kind: 'unknown', message: 'no answer' })
  t.notOk('drift' in wrapper)
  const seen = (await server.inject({ url: '/api/v1/instances/press', headers: basic('dora') })).json()
  t.match(seen, { name: 'press', phase: 'crashed', url: 'http://127.0.0.1:12080/' })
  for (const hidden of ['desired', 'observed', 'drift', 'actions']) t.notOk(hidden in seen, hidden)
})

t.test('the plan of an admin is a plan document, that of a member is about theirs', async (t) => {
  const { server } = await openDoors(t)
  const validate = new Ajv2020({ strict: false }).compile(planSchema)
  const whole = (await server.inject({ url: '/api/v1/plan', headers: root })).json()
  t.ok(validate(whole), JSON.stringify(validate.errors))
  t.equal(whole.actions.length, 2)
  const mine = (await server.inject({ url: '/api/v1/plan', headers: alice })).json()
  t.same(
    mine.actions.map((one: { target: { name: string } }) => one.target.name),
    ['press'],
  )
  t.match(mine.actions[0].edited, {
    added: 1,
    by: 'olga',
    nodes: [{ edit: 'added', type: 'debug', id: 'n1' }],
  })
  const theirs = (await server.inject({ url: '/api/v1/plan', headers: basic('dora') })).json()
  t.equal(theirs.actions.length, 1)
  t.notOk('edited' in theirs.actions[0], 'who may only call endpoints sees no nodes')
  t.same(mine.access, [{ user: 'alice', instance: 'press', from: 'member', to: 'owner' }])
  t.same(
    mine.actions[0].changes.find((one: { path: string }) => one.path === 'env.SITE'),
    {
      path: 'env.SITE',
      cause: 'change',
    },
  )
})

t.test('history and journal are paged and for whom they may concern', async (t) => {
  const { server } = await openDoors(t)
  const get = async (url: string, headers = root) =>
    (await server.inject({ url: `/api/v1${url}`, headers })).json()
  t.match((await get('/history')).reconciliations, [{ author: 'Alice', headline: 'updates 2 instances' }])
  t.notOk('headline' in (await get('/history', alice)).reconciliations[0])
  t.equal((await get('/journal')).entries.length, 4)
  const page = await get('/journal?limit=2')
  t.equal(page.entries.length, 2)
  t.equal((await get(`/journal?before=${page.next}`)).entries.length, 2)
  t.equal((await get('/journal?instance=wrapper')).entries.length, 1)
  t.same(
    (await get('/journal', alice)).entries.map((one: { name: string }) => one.name),
    ['press', 'press'],
  )
  t.same((await get('/journal?instance=wrapper', alice)).entries, [])
})

t.test('the state document comes back as it was', async (t) => {
  const { server } = await openDoors(t)
  const answer = await server.inject({ url: '/api/v1/state', headers: bearer(tokens.root) })
  const status = fleetStatus(hashes)
  t.same(answer.json(), JSON.parse(JSON.stringify(toStateDocument(status))))
  const state = parseStateDocument(answer.json())
  t.same(state.inventory, status.inventory)
  t.same(state.observed, status.observed)
  t.equal(state.fleet, 'fleet-1')
  t.match([...state.secretFingerprints.keys()], ['press-key'])
})

t.test('before the first round', async (t) => {
  const doors = await openDoors(t)
  const { desired: _desired, observed: _observed, plan: _plan, ...rest } = fleetStatus()
  doors.set({ ...rest, ready: false })
  t.equal((await doors.server.inject('/healthz')).statusCode, 200)
  t.match((await doors.server.inject('/readyz')).json(), { status: 503, detail: /not been read/ })
  const refused = await doors.server.inject({ url: '/api/v1/fleet', headers: root })
  t.equal(refused.statusCode, 503)
  t.match(refused.headers, { 'retry-after': '2' })
  doors.set({ ...rest, desired: desiredState(hashes), ready: false })
  t.match((await doors.server.inject('/readyz')).json(), { detail: /first round/ })
  t.equal((await doors.server.inject({ url: '/api/v1/plan', headers: root })).statusCode, 404)
  t.equal((await doors.server.inject({ url: '/api/v1/state', headers: root })).statusCode, 503)
})

const storage = ['flows', 'settings', 'sessions', 'library/:type']
/** What changes something, as the router prints it. */
const writing = [
  '/runtime/v1/state (POST)',
  ...storage.map((path) => `/runtime/v1/storage/${path} (GET, HEAD, PUT)`),
  '/runtime/v1/audit (POST)',
]

t.test('the status door only reads', async (t) => {
  const { server } = await openDoors(t)
  const routes = server.printRoutes({ commonPrefix: false }).trimEnd().split('\n')
  t.equal(routes.length, 27)
  t.same(
    routes.filter((route) => !/\((GET|GET, HEAD)\)$/.test(route)),
    writing.map((route) => `├── ${route}`),
    'those that write are at the runtime door',
  )
  const document = (await server.inject({ url: '/api/v1/openapi.json', headers: root })).json()
  for (const [path, operations] of Object.entries<object>(document.paths)) {
    if (!path.startsWith('/runtime/')) t.same(Object.keys(operations), ['get'], path)
  }
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const)
    for (const url of ['/api/v1/fleet', '/api/v1/instances/press', '/api/v1/instances/press/logs']) {
      const answer = await server.inject({ method, url, headers: root })
      t.equal(answer.statusCode, 404, `${method} ${url}`)
    }
})

t.test('a log is paged by cursor, and what is none is refused with the reason', async (t) => {
  const { server } = await openDoors(t)
  const get = async (query: string) =>
    server.inject({ url: `/api/v1/instances/press/logs?${query}`, headers: alice })
  const page = await get('cursor=-1764076689000124&limit=2')
  t.match(page.headers['content-type'], /^application\/json/)
  const line = {
    id: '1764076689000123',
    at: now,
    source: 'node-red',
    level: 'warn',
    text: '-1764076689000124',
  }
  t.same(page.json(), { lines: [line, line], next: line.id, previous: `-${line.id}` })
  t.equal((await get('cursor=1764076689000124')).json().lines.length, 100)
  for (const [query, detail] of [
    ['cursor=newest', /cursor must match pattern/],
    ['cursor=17640766890001234', /cursor must match pattern/],
    ['limit=501', /limit must be <= 500/],
    ['since=today', /since must match format "date-time"/],
  ] as const) {
    const refused = await get(query)
    t.equal(refused.statusCode, 400, query)
    t.match(refused.json().detail, detail)
  }
})

t.test('samples are told since a time', async (t) => {
  const { server } = await openDoors(t)
  const get = async (query: string) =>
    server.inject({ url: `/api/v1/instances/press/samples${query}`, headers: alice })
  const numbers = { cpu: 0.5, memory: 1e8, loopDelayMean: 0.1, loopDelayP99: 2, sent: 10, received: 4 }
  t.same((await get('')).json(), { samples: [{ at: now, ...numbers }] })
  t.same((await get(`?since=${now}`)).json(), { samples: [] })
  t.equal((await get('?since=soon')).statusCode, 400)
})

t.test('the OpenAPI document lists every route, with the schema of every answer', async (t) => {
  const { server } = await openDoors(t)
  const document = (await server.inject({ url: '/api/v1/openapi.json', headers: alice })).json()
  t.match(document, { openapi: '3.1.0', info: { title: 'Weir', version: 'v1' } })
  t.same(
    Object.keys(document.paths).toSorted(),
    ['fleet', 'teams', 'teams/{name}', 'users', 'users/{name}', 'instances', 'instances/{name}']
      .concat(
        'instances/{name}/logs',
        'instances/{name}/samples',
        'plan',
        'history',
        'journal',
        'audit',
        'events',
        'state',
        'openapi.json',
      )
      .map((path) => `/api/v1/${path}`)
      .concat('/healthz', '/readyz', '/metrics')
      .concat(
        [
          'settings',
          'members',
          'state',
          'audit',
          ...storage.map((path) => `storage/${path.replace(':type', '{type}')}`),
        ].map((path) => `/runtime/v1/${path}`),
      )
      .toSorted(),
  )
  for (const [path, operations] of Object.entries<Record<string, { summary?: string; responses: object }>>(
    document.paths,
  ))
    for (const operation of Object.values(operations)) {
      t.match(operation.summary, /\w/, path)
      const [success, ...others] = Object.entries(operation.responses)
      t.match(success?.[0], /^20[04]$/, path)
      t.equal(others.length, 2, `${path} says what its errors are`)
    }
})

t.test('plans of any length pass through', async (t) => {
  const doors = await openDoors(t)
  const long = { ...plan(), actions: Array.from({ length: 2000 }, () => plan().actions).flat() }
  doors.set({ ...fleetStatus(hashes), plan: long })
  t.equal((await doors.server.inject({ url: '/api/v1/plan', headers: root })).json().actions.length, 4000)
})
