import t from 'tap'
import type { LauncherState } from '../../launcher/wire.ts'
import type { DoorDeps } from '../../reconciler/api/deps.ts'
import { now, tokens } from '../support/fleet-fixture.ts'
import { basic, bearer, instanceToken, openDoors, settings } from '../support/door-fixture.ts'

const headers = bearer(instanceToken)
const url = '/runtime/v1/state'

const state: LauncherState = {
  uid: 'uid-press',
  name: 'press',
  fleet: 'fleet-1',
  phase: 'running',
  message: 'it runs',
  settings: 'digest',
  settingsFile: 'intact',
  flows: 'f',
  modules: { 'node-red-contrib-x': '1.0.0' },
  versions: { nodeRed: '5.0.7', node: '24.21.0' },
  port: 12080,
  pid: 4711,
  restarts: 0,
  since: now,
}

t.test('an instance gets its own settings, whole', async (t) => {
  const { server, store } = await openDoors(t)
  const answer = await server.inject({ url: '/runtime/v1/settings', headers })
  t.equal(answer.statusCode, 200)
  t.same(answer.json(), settings)
  t.equal(answer.headers['cache-control'], 'no-store')
  await store.forget('uid-press')
  t.equal(
    (await server.inject({ url: '/runtime/v1/settings', headers })).statusCode,
    401,
    'none once it is forgotten',
  )
})

t.test('settings that cannot be made now are asked for again', async (t) => {
  const { server } = await openDoors(t, {
    desk: { settings: () => undefined, members: () => undefined, report: () => undefined },
  })
  t.equal((await server.inject({ url: '/runtime/v1/settings', headers })).statusCode, 503)
  t.equal((await server.inject({ url: '/runtime/v1/members', headers })).statusCode, 503)
})

t.test('without settings an instance is still told who may come in', async (t) => {
  const left = {
    uid: 'uid-press',
    digest: 'd',
    base: 'b',
    members: [{ username: 'vera', permissions: 'read' as const }],
  }
  const members = (uid: string) => (uid === left.uid ? left : undefined)
  const { server } = await openDoors(t, {
    desk: { settings: () => undefined, members, report: () => undefined },
  })
  t.same((await server.inject({ url: '/runtime/v1/members', headers })).json(), left)
  t.equal((await server.inject({ url: '/runtime/v1/members', headers: basic('root') })).statusCode, 401)
})

t.test('a launcher reports its state', async (t) => {
  const { server, reports } = await openDoors(t)
  const answer = await server.inject({ method: 'POST', url, headers, payload: state })
  t.equal(answer.statusCode, 204)
  t.same(reports, [state])
  const { message: _m, settings: _s, flows: _f, port: _p, pid: _i, ...least } = state
  t.equal((await server.inject({ method: 'POST', url, headers, payload: least })).statusCode, 204)
  t.same(reports[1], least)
})

t.test('an instance speaks for itself only', async (t) => {
  const { server, reports } = await openDoors(t)
  const payload = { ...state, uid: 'uid-wrapper' }
  t.equal((await server.inject({ method: 'POST', url, headers, payload })).statusCode, 403)
  t.same(reports, [])
})

t.test('the credentials of people are none here', async (t) => {
  const { server, reports } = await openDoors(t)
  for (const other of [basic('root'), bearer(tokens.root), bearer(''), {}])
    t.equal((await server.inject({ method: 'POST', url, headers: other, payload: state })).statusCode, 401)
  t.same(reports, [])
})

t.test('what is malformed is the sender’s mistake', async (t) => {
  const { server, reports } = await openDoors(t)
  const json = { ...headers, 'content-type': 'application/json' }
  const bodies: Record<string, string> = {
    'not JSON': '{',
    empty: '',
    'another type': '[]',
    null: 'null',
    'an unknown phase': JSON.stringify({ ...state, phase: 'flying' }),
    'a missing field': JSON.stringify({ ...state, versions: undefined }),
    'a wrong type': JSON.stringify({ ...state, modules: 'none' }),
    'a bad date': JSON.stringify({ ...state, since: 'yesterday' }),
    'a prototype': `{"__proto__": {}, ${JSON.stringify(state).slice(1)}`,
    'deep nesting': `${'['.repeat(20_000)}${']'.repeat(20_000)}`,
  }
  for (const [what, payload] of Object.entries(bodies)) {
    const answer = await server.inject({ method: 'POST', url, headers: json, payload })
    t.equal(answer.statusCode, 400, what)
    t.match(answer.headers['content-type'], /^application\/problem\+json/, what)
    t.match(answer.json(), { status: 400, title: 'Bad Request', detail: /\w/ }, what)
    t.notMatch(answer.body, /\bat .*\.[jt]s|node_modules/, what)
  }
  const large = JSON.stringify({ ...state, message: 'x'.repeat(70_000) })
  t.equal((await server.inject({ method: 'POST', url, headers: json, payload: large })).statusCode, 413)
  const xml = { ...headers, 'content-type': 'application/xml' }
  t.equal((await server.inject({ method: 'POST', url, headers: xml, payload: '<state/>' })).statusCode, 415)
  t.same(reports, [])
})

t.test('odd requests to the status door are the sender’s mistake too', async (t) => {
  const { server } = await openDoors(t)
  for (const path of [
    '/history?limit=0',
    '/history?limit=many',
    '/history?limit=501',
    '/journal?before=-1',
    `/journal?instance=${'x'.repeat(64)}`,
    '/instances/press/logs?tail=-1',
    '/instances/press/logs?follow=perhaps',
    `/instances/${'x'.repeat(64)}`,
    '/instances/%E0%A4%A',
  ]) {
    const answer = await server.inject({ url: `/api/v1${path}`, headers: basic('root') })
    t.equal(answer.statusCode, 400, path)
    t.match(answer.headers['content-type'], /^application\/problem\+json/, path)
  }
  for (const path of ['/instances/..%2f..%2fetc', '/instances/__proto__', '/users/constructor', '/nothing'])
    t.equal((await server.inject({ url: `/api/v1${path}`, headers: basic('root') })).statusCode, 404, path)
})

t.test('an error inside is logged, and its reader learns nothing of it', async (t) => {
  const { store } = await openDoors(t)
  const failing: DoorDeps['store'] = {
    ...store,
    journal: async () => Promise.reject(new Error('secret path /var/weir')),
  }
  const { server } = await openDoors(t, { store: failing })
  const answer = await server.inject({ url: '/api/v1/journal', headers: basic('root') })
  t.equal(answer.statusCode, 500)
  t.same(answer.json(), { type: 'about:blank', title: 'Internal Server Error', status: 500 })
})
