import t from 'tap'
import { canary, tokens } from '../support/fleet-fixture.ts'
import { basic, bearer, hashes, instanceToken, openDoors } from '../support/door-fixture.ts'

/** Who asks. `alice` owns the team of `press`; `wrapper` is another team's. */
const people = {
  anonymous: {},
  alice: basic('alice'),
  viewer: basic('victor'),
  dashboard: basic('dora'),
  stranger: basic('nobody'),
  admin: basic('root'),
  'read token': bearer(tokens.alice),
  'admin token': bearer(tokens.root),
  'expired token': bearer(tokens.aliceExpired),
  'instance token': bearer(instanceToken),
}

/** Route to the status each person gets, in the order of `people`. */
const table: Record<string, readonly number[]> = {
  '/api/v1/fleet': [401, 200, 200, 200, 200, 200, 200, 200, 401, 401],
  '/api/v1/teams': [401, 200, 200, 200, 200, 200, 200, 200, 401, 401],
  '/api/v1/teams/assembly': [401, 200, 200, 200, 404, 200, 200, 200, 401, 401],
  '/api/v1/teams/packing': [401, 404, 404, 404, 404, 200, 404, 200, 401, 401],
  '/api/v1/teams/absent': [401, 404, 404, 404, 404, 404, 404, 404, 401, 401],
  '/api/v1/users': [401, 200, 200, 200, 200, 200, 200, 200, 401, 401],
  '/api/v1/users/alice': [401, 200, 200, 200, 404, 200, 200, 200, 401, 401],
  '/api/v1/users/bob': [401, 404, 404, 404, 404, 200, 404, 200, 401, 401],
  '/api/v1/instances': [401, 200, 200, 200, 200, 200, 200, 200, 401, 401],
  '/api/v1/instances/press': [401, 200, 200, 200, 404, 200, 200, 200, 401, 401],
  '/api/v1/instances/wrapper': [401, 404, 404, 404, 404, 200, 404, 200, 401, 401],
  '/api/v1/instances/broken': [401, 404, 404, 404, 404, 200, 404, 200, 401, 401],
  '/api/v1/instances/press/logs?tail=2': [401, 200, 200, 403, 404, 200, 200, 200, 401, 401],
  '/api/v1/instances/wrapper/logs': [401, 404, 404, 404, 404, 404, 404, 404, 401, 401],
  '/api/v1/instances/press/logs?limit=2': [401, 200, 200, 403, 404, 200, 200, 200, 401, 401],
  '/api/v1/instances/press/samples': [401, 200, 200, 403, 404, 200, 200, 200, 401, 401],
  '/api/v1/instances/wrapper/samples': [401, 404, 404, 404, 404, 404, 404, 404, 401, 401],
  '/api/v1/plan': [401, 200, 200, 200, 200, 200, 200, 200, 401, 401],
  '/api/v1/history': [401, 200, 200, 200, 200, 200, 200, 200, 401, 401],
  '/api/v1/audit': [401, 200, 200, 200, 200, 200, 200, 200, 401, 401],
  '/api/v1/journal': [401, 200, 200, 200, 200, 200, 200, 200, 401, 401],
  '/api/v1/state': [401, 404, 404, 404, 404, 200, 404, 200, 401, 401],
  '/api/v1/openapi.json': [401, 200, 200, 200, 200, 200, 200, 200, 401, 401],
  '/healthz': [200, 200, 200, 200, 200, 200, 200, 200, 200, 200],
  '/readyz': [200, 200, 200, 200, 200, 200, 200, 200, 200, 200],
  '/runtime/v1/settings': [401, 401, 401, 401, 401, 401, 401, 401, 401, 200],
}

t.test('who may read what', async (t) => {
  // Each route is asked from an address of its own: those who are refused would use up the limit of a shared one.
  const { server } = await openDoors(t)
  for (const [route, [url, statuses]] of Object.entries(table).entries())
    for (const [index, [person, headers]] of Object.entries(people).entries()) {
      const remoteAddress = `192.0.2.${1 + route}`
      const answer = await server.inject({ url, headers, remoteAddress })
      t.equal(answer.statusCode, statuses[index], `${person} ${url}`)
      if (answer.statusCode >= 400) t.match(answer.headers['content-type'], /^application\/problem\+json/)
    }
})

t.test('what is hidden and what is absent get the same answer', async (t) => {
  const { server } = await openDoors(t)
  for (const kind of ['teams', 'users', 'instances']) {
    const [hidden, absent] = await Promise.all(
      [{ teams: 'packing', users: 'bob', instances: 'wrapper' }[kind], 'absent'].map(async (name) =>
        server.inject({ url: `/api/v1/${kind}/${name}`, headers: people.alice }),
      ),
    )
    t.equal(hidden?.body, absent?.body)
    t.same(Object.keys(hidden?.headers ?? {}), Object.keys(absent?.headers ?? {}))
  }
})

t.test('nobody hears of another team', async (t) => {
  const { server } = await openDoors(t)
  const others = {
    alice: /wrapper|packing|bob/,
    viewer: /wrapper|packing|bob/,
    dashboard: /wrapper|packing|bob|flows\/press|press-key/,
    stranger: /wrapper|packing|bob|press\b|assembly|victor/,
  }
  for (const person of ['alice', 'viewer', 'dashboard', 'stranger'] as const)
    for (const url of Object.keys(table).filter((url) => url.startsWith('/api/') && !url.endsWith('.json'))) {
      const answer = await server.inject({ url, headers: people[person] })
      if (answer.statusCode === 200)
        t.notMatch(answer.body.replaceAll('Add a press', ''), others[person], `${person} ${url}`)
    }
})

t.test('no answer of the status door holds a secret', async (t) => {
  const { server } = await openDoors(t)
  const secrets = [...Object.values(hashes), ...Object.values(tokens), instanceToken]
  for (const [person, headers] of Object.entries(people))
    for (const url of Object.keys(table).filter((url) => !url.startsWith('/runtime/'))) {
      const { body } = await server.inject({ url, headers })
      for (const secret of secrets) t.notOk(body.includes(secret), `${person} ${url}`)
      // A dry run elsewhere compares what is declared with what was applied, so it needs the values Git declares.
      if (url !== '/api/v1/state') t.notOk(body.includes(canary), `${person} ${url}`)
    }
  const { body } = await server.inject({ url: '/metrics' })
  t.notMatch(body, /press|alice|canary/)
  const { body: state } = await server.inject({ url: '/api/v1/state', headers: people.admin })
  t.notMatch(state, /passwordHash|sha256/)
})
