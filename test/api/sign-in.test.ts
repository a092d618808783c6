import t from 'tap'
import { createAuthenticate } from '../../reconciler/identity/authenticate.ts'
import { createSignInLimit } from '../../reconciler/identity/rate-limit.ts'
import { fleetStatus, now, tokens } from '../support/fleet-fixture.ts'
import { basic, bearer, derive, hashes, openDoors } from '../support/door-fixture.ts'

const url = '/api/v1/fleet'

t.test('who is refused is told how to sign in', async (t) => {
  const { server } = await openDoors(t)
  const answer = await server.inject({ url })
  t.equal(answer.statusCode, 401)
  t.match(answer.headers['www-authenticate'], /^Basic realm="Weir", charset="UTF-8"/)
  t.match(answer.json(), { type: 'about:blank', title: 'Unauthorized', status: 401, detail: /Sign in/ })
})

t.test('after ten failures an account has to wait where they came from, and nowhere else', async (t) => {
  const { server } = await openDoors(t)
  const attempt = async (headers: Record<string, string>, remoteAddress: string) =>
    (await server.inject({ url, headers, remoteAddress })).statusCode
  for (let index = 0; index < 10; index++)
    t.equal(await attempt(basic('bob', `guess ${index}`), '192.0.2.1'), 401)
  const limited = await server.inject({ url, headers: basic('bob', 'guess'), remoteAddress: '192.0.2.1' })
  t.equal(limited.statusCode, 429)
  const wait = Number(limited.headers['retry-after'])
  t.ok(wait > 0 && wait <= 300, `${wait} s`)
  t.equal(await attempt(basic('bob'), '192.0.2.1'), 429, 'the right password waits too')
  t.equal(await attempt(basic('bob'), '192.0.2.2'), 200, 'from elsewhere it does not')
  t.equal(await attempt(basic('alice'), '192.0.2.1'), 200, 'nor do others')
})

t.test('the addresses of one IPv6 network count as one', async (t) => {
  const { server } = await openDoors(t)
  const attempt = async (headers: Record<string, string>, remoteAddress: string) =>
    (await server.inject({ url, headers, remoteAddress })).statusCode
  for (let index = 0; index < 10; index++)
    t.equal(await attempt(basic('bob', `guess ${index}`), `2001:db8::${index}:1`), 401)
  t.equal(await attempt(basic('bob'), '2001:db8::ffff:ffff:ffff:ffff'), 429)
  t.equal(await attempt(basic('bob'), '2001:db8:0:1::1'), 200, 'from another network it does not wait')
  for (let index = 0; index < 10; index++)
    t.equal(await attempt(basic('dora', `guess ${index}`), '192.0.2.1'), 401)
  t.equal(await attempt(basic('dora'), '::ffff:192.0.2.1'), 429, 'an IPv4 address, however it is written')
})

t.test('after a hundred failures an account has to wait, from wherever', async (t) => {
  const { server } = await openDoors(t)
  const attempt = async (headers: Record<string, string>, remoteAddress: string) =>
    (await server.inject({ url, headers, remoteAddress })).statusCode
  for (let index = 0; index < 100; index++)
    t.equal(await attempt(basic('bob', `guess ${index}`), `192.0.2.${index}`), 401)
  t.equal(await attempt(basic('bob'), '192.0.2.200'), 429)
  t.equal(await attempt(basic('alice'), '192.0.2.0'), 200, 'others do not')
})

t.test('nobody elsewhere shuts an account out from where it signed in before', async (t) => {
  let time = Date.parse(now)
  const clock = { now: () => new Date(time) }
  const { store, feed } = await openDoors(t, { clock })
  const desired = () => feed.current().desired
  const authenticate = createAuthenticate({
    desired,
    limit: createSignInLimit({ store, clock }),
    clock,
    derive,
  })
  const attempt = async ({ authorization }: { authorization: string }, address: string) =>
    (await authenticate({ authorization, address })).kind
  const flood = async () => {
    for (let index = 0; index < 101; index++)
      await attempt(basic('bob', `guess ${time} ${index}`), `192.0.2.${index}`)
  }
  t.equal(await attempt(basic('bob'), '2001:db8::1'), 'viewer')
  time += 60_001
  await flood()
  t.equal(await attempt(basic('bob'), '198.51.100.1'), 'limited')
  t.equal(await attempt(basic('bob'), '2001:db8::2'), 'viewer')
  for (let index = 0; index < 10; index++)
    t.equal(await attempt(basic('bob', `another ${index}`), '2001:db8::3'), 'refused')
  t.equal(await attempt(basic('bob', 'guess'), '2001:db8::3'), 'limited', 'guesses stay limited there too')
  time += 91 * 24 * 3_600_000
  await flood()
  t.equal(await attempt(basic('bob'), '2001:db8::1'), 'limited', 'an address is not known for ever')
})

t.test('after a hundred failures an address has to wait, whatever it tries', async (t) => {
  const { server } = await openDoors(t)
  const status = async (headers: Record<string, string>) => (await server.inject({ url, headers })).statusCode
  for (let index = 0; index < 100; index++) t.equal(await status(basic(`user-${index}`, 'x')), 401)
  t.equal(await status(basic('alice')), 429)
  t.equal(await status(bearer('another')), 429)
  t.equal(await status(bearer(tokens.alice)), 200, 'a right token needs no guessing')
})

t.test('wrong tokens keep nobody with a password out', async (t) => {
  const { server } = await openDoors(t)
  const status = async (headers: Record<string, string>) => (await server.inject({ url, headers })).statusCode
  for (let index = 0; index < 12; index++) await status(bearer(`token-${index}`))
  t.equal(await status(bearer('another')), 429)
  t.equal(await status(basic('alice')), 200)
})

t.test('many guesses at once count as many', async (t) => {
  const { server } = await openDoors(t)
  const guesses = Array.from({ length: 30 }, async (_, index) =>
    server.inject({ url, headers: basic('bob', `guess ${index}`), remoteAddress: '192.0.2.1' }),
  )
  const statuses = (await Promise.all(guesses)).map((one) => one.statusCode)
  t.equal(statuses.filter((one) => one === 401).length, 10)
  t.equal(statuses.filter((one) => one === 429).length, 20)
})

t.test('a client that goes on with the former password shuts nobody out', async (t) => {
  const doors = await openDoors(t)
  const status = async (headers: Record<string, string>) =>
    (await doors.server.inject({ url, headers })).statusCode
  t.equal(await status(basic('bob')), 200)
  const before = hashes['bob'] ?? ''
  doors.set(fleetStatus({ ...hashes, bob: hashes['alice'] ?? '' }))
  for (let index = 0; index < 200; index++) t.equal(await status(basic('bob')), 401)
  t.equal(await status(basic('bob', 'password of alice')), 200, 'its owner gets in')
  for (let index = 0; index < 9; index++) t.equal(await status(basic('bob', `guess ${index}`)), 401)
  t.equal(await status(basic('bob', 'guess')), 429, 'and who guesses has to wait as before')
  t.equal(await status(basic('bob')), 401, 'what is known to be wrong is told so')
  doors.set(fleetStatus({ ...hashes, bob: before }))
  t.equal(await status(basic('bob')), 429, 'and no longer where Git declares it again')
})

t.test('what succeeds takes back what it counted, wherever the account is known by then', async (t) => {
  const clock = { now: () => new Date(now) }
  const { store } = await openDoors(t, { clock })
  const limit = createSignInLimit({ store, clock })
  for (let index = 0; index < 101; index++) {
    const attempts = [0, 1].map(async () => limit.begin({ account: 'bob', address: `192.0.2.${index}` }))
    for (const attempt of await Promise.all(attempts)) {
      t.equal(attempt.kind, 'begun')
      if (attempt.kind === 'begun') await attempt.succeeded()
    }
  }
})

t.test('a dashboard that polls with many requests at once is not limited', async (t) => {
  const { server } = await openDoors(t)
  for (let round = 0; round < 3; round++) {
    const polls = Array.from({ length: 30 }, async () => server.inject({ url, headers: basic('alice') }))
    t.ok((await Promise.all(polls)).every((one) => one.statusCode === 200))
  }
})

t.test('a changed password ends the old one at once', async (t) => {
  const doors = await openDoors(t)
  const status = async (headers: Record<string, string>) =>
    (await doors.server.inject({ url, headers })).statusCode
  t.equal(await status(basic('alice')), 200)
  doors.set(fleetStatus({ ...hashes, alice: hashes['bob'] ?? '' }))
  t.equal(await status(basic('alice')), 401)
  t.equal(await status(basic('alice', 'password of bob')), 200)
})
