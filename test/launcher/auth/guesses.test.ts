import { createRequire } from 'node:module'
import { hashSync } from 'bcryptjs'
import t, { type Test } from 'tap'
import { openEndpointDoor, type GrantOf } from '../../support/endpoint-door.ts'
import { until } from '../../support/until.ts'

const load = createRequire(import.meta.url)
const { createBasicCheck }: { createBasicCheck: (parts: object) => GrantOf } = load(
  '../../../launcher/plugins/auth/passwords.cjs',
)
const { mayActFrom } = load('../../../launcher/plugins/auth/origins.cjs')
const { addressOf }: { addressOf: (request: object) => string } = load(
  '../../../launcher/plugins/auth/guesses.cjs',
)

const memberWithPassword = (username: string) => ({
  username,
  passwordHash: hashSync(`${username}-password`, 4),
})
const members = new Map(['dan', 'eva', 'mia'].map((username) => [username, memberWithPassword(username)]))

interface More {
  readonly cors?: { readonly origins: readonly string[] }
  readonly uris?: readonly string[]
  /** Instead of the libraries of a stack. */
  readonly fromStack?: (name: string) => object
}

/** Doors that ask for a password, on a clock of the test's. */
async function openBasicDoor(t: Test, { cors, uris = [], fromStack = load }: More = {}) {
  const clock = { now: 0 }
  const told: object[] = []
  const state = { members, version: '1' }
  const door = await openEndpointDoor(
    t,
    createBasicCheck({
      fromStack,
      membership: () => state,
      now: () => clock.now,
      mayAct: mayActFrom({ uris, cors }),
      tell: (event: object) => told.push(event),
      secret: 'secret-of-instance-1',
    }),
  )
  const guess = async (user: string, password: string, from?: string) =>
    door.ask({ headers: basic(user, password), ...(from === undefined ? {} : { from }) })
  const status = async (...guessed: Parameters<typeof guess>) => (await guess(...guessed)).status
  return { ...door, clock, told, state, guess, status }
}

function basic(user: string, password = `${user}-password`) {
  return { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` }
}

t.test('who guesses has to wait, and nobody else', async (t) => {
  const { clock, guess, status, told, openSocket } = await openBasicDoor(t)
  t.equal(await status('dan', 'dan-password'), 200)
  const guesses = await Promise.all(Array.from({ length: 15 }, async (_, index) => status('dan', `${index}`)))
  t.equal(guesses.filter((one) => one === 401).length, 10, 'many at once count as many')
  const limited = await guess('dan', 'another')
  t.match(limited, { status: 429, headers: { 'retry-after': '300' } })
  t.match(await openSocket({ headers: basic('dan', 'another') }), {
    status: 429,
    headers: { 'retry-after': '300' },
  })
  t.equal(await status('dan', 'dan-password'), 200, 'who was right before')
  t.equal(await status('eva', 'eva-password'), 200, 'another account there')
  t.equal(await status('dan', 'dan-password', '127.0.0.2'), 200, 'the account from elsewhere')
  t.equal(await status('eva', 'wrong'), 401)
  const failed = { event: 'sign-in-refused', target: 'endpoints: failed from 127.0.0.1' }
  const ofDan = told.filter((one) => 'user' in one && one.user === 'dan')
  t.equal(ofDan.length, 17)
  t.strictSame(ofDan[0], { ...failed, user: 'dan' })
  t.strictSame(told.at(-1), { ...failed, user: 'eva' })
  t.match(ofDan.at(-1), { target: 'endpoints: limited from 127.0.0.1' }, 'and so is who has to wait')
  clock.now = 300_000
  t.equal(await status('dan', 'another'), 401, 'the time is over')
})

t.test('right ones count for nothing, and an address that guesses names waits too', async (t) => {
  const { status, told, guess, state } = await openBasicDoor(t)
  for (let count = 0; count < 12; count += 1) {
    state.members = new Map(members).set('eva', memberWithPassword('eva'))
    t.equal(await status('eva', 'eva-password'), 200, 'though it is compared anew')
  }
  for (let count = 0; count < 100; count += 1) await status(`made-up-${count}`, 'dan-password')
  t.equal(await status('dan', 'dan-password'), 429, 'who was never right there')
  t.match((await guess('nobody', '')).headers, { 'retry-after': /^\d+$/ })
  t.equal(await status('eva', 'eva-password'), 200, 'who was')
  t.equal(await status('dan', 'dan-password', '127.0.0.2'), 200)
  t.equal(await status('eva', 'eva-password', '127.0.0.2'), 200)
  const distinct = new Set(told.map((one) => JSON.stringify(one)))
  t.equal(distinct.size, 3, 'names that nobody has are not told')
})

t.test('a machine that goes on with the former password shuts nobody out', async (t) => {
  const { clock, status, state, told } = await openBasicDoor(t)
  t.equal(await status('dan', 'dan-password'), 200)
  const former = state.members
  state.members = new Map(members).set('dan', { username: 'dan', passwordHash: hashSync('another', 4) })
  for (let count = 0; count < 200; count += 1) {
    clock.now += 1000
    t.equal(await status('dan', 'dan-password'), 401)
  }
  t.equal(told.length, 200, 'each is told, and folded where it is written')
  t.equal(await status('dan', 'another'), 200, 'its owner gets in')
  for (let count = 0; count < 9; count += 1) t.equal(await status('dan', `${count}`), 401)
  t.equal(await status('dan', '9'), 429, 'and who guesses has to wait as before')
  clock.now += 300_000
  state.members = former
  t.equal(await status('dan', 'dan-password'), 200, 'Git declares it again')
})

t.test('what could not be compared is not taken for wrong', async (t) => {
  const world = { fails: true }
  const compare = async () => {
    if (world.fails) throw new Error('no memory')
    return true
  }
  const { status } = await openBasicDoor(t, { fromStack: () => ({ compare }) })
  t.equal(await status('dan', 'dan-password'), 401)
  world.fails = false
  t.equal(await status('dan', 'dan-password'), 200)
})

t.test('what a name costs is no sign that somebody has it', async (t) => {
  const compared: string[] = []
  const compare = async (_: string, hash: string) => compared.push(hash) < 0
  const { status } = await openBasicDoor(t, { fromStack: () => ({ compare }) })
  for (let count = 0; count < 40; count += 1) await status(`made-up-${count}`, 'x')
  t.equal(new Set(compared).size, members.size, 'strangers take after one member or another')
  const before = compared.splice(0)
  for (let count = 0; count < 40; count += 1) await status(`made-up-${count}`, 'y')
  t.strictSame(compared, before, 'and always after the same one')
})

t.test('guesses are told with where they came from, however many places that are', async (t) => {
  const { told, status, clock } = await openBasicDoor(t)
  for (let count = 1; count <= 60; count += 1) await status('dan', 'x', `127.0.1.${count}`)
  const distinct = new Set(told.map((one) => JSON.stringify(one)))
  t.equal(distinct.size, 51)
  t.ok(distinct.has('{"event":"sign-in-refused","target":"endpoints: failed from 127.0.1.50","user":"dan"}'))
  t.ok(distinct.has('{"event":"sign-in-refused","target":"endpoints: failed","user":"dan"}'))
  clock.now += 60_000
  await status('dan', 'x', '127.0.1.60')
  t.match(told.at(-1), { target: 'endpoints: failed from 127.0.1.60' }, 'a minute later there is room again')
})

t.test('whose password is right at another address has to wait where guesses came from', async (t) => {
  const { status } = await openBasicDoor(t)
  t.equal(await status('dan', 'dan-password', '127.0.0.2'), 200)
  for (let count = 0; count < 10; count += 1) await status('dan', `${count}`)
  t.equal(await status('dan', 'dan-password'), 429, 'or guessing would go on against what is known')
})

t.test('who was right is let in by their password of now alone', async (t) => {
  const { status, state } = await openBasicDoor(t)
  t.equal(await status('dan', 'dan-password'), 200)
  state.version = '2'
  state.members = new Map([...members].filter(([name]) => name !== 'dan'))
  t.equal(await status('dan', 'dan-password'), 401)
})

t.test('few are compared at once, and a bounded number waits', async (t) => {
  const open: (() => void)[] = []
  let compared = 0
  const bcrypt = {
    compare: async (password: string) => {
      compared += 1
      await new Promise<void>((resolve) => open.push(resolve))
      return password.endsWith('-password')
    },
  }
  const { status, guess } = await openBasicDoor(t, { fromStack: () => bcrypt })
  const same = [status('mia', 'mia-password'), status('mia', 'mia-password')]
  await until('one is compared', () => compared === 1)
  const many = Array.from({ length: 66 }, async (_, index) => guess(`u${index}`, 'x'))
  const over = await Promise.race(many)
  t.match(over, { status: 503, headers: { 'retry-after': '2' } })
  t.equal(compared, 2)
  const settled = Promise.all([...same, ...many.map(async (one) => (await one).status)])
  let done = false
  void settled.finally(() => {
    done = true
  })
  await until('all were compared', () => {
    t.ok(open.length <= 2)
    open.splice(0).forEach((resolve) => resolve())
    return done
  })
  const statuses = await settled
  t.strictSame(statuses.slice(0, 2), [200, 200])
  t.equal(statuses.filter((one) => one === 503).length, 1)
  t.equal(compared, 66, 'the same one at the same time is compared once')
})

t.test('a page of another site gets nothing done by a password that the browser knows', async (t) => {
  const uris = ['https://press.example.com/auth/strategy/callback']
  const { ask, openSocket, openDashboard, origin } = await openBasicDoor(t, {
    uris,
    cors: { origins: ['https://panel.example.com'] },
  })
  const post = async (headers: object) =>
    (await ask({ method: 'POST', headers: { ...basic('dan'), ...headers } })).status
  const cases: readonly (readonly [Record<string, string>, number])[] = [
    [{}, 200],
    [{ origin }, 200],
    [{ origin: 'https://press.example.com' }, 200],
    [{ origin: 'https://panel.example.com' }, 200],
    [{ origin: 'https://evil.example.com' }, 403],
    [{ origin: 'http://127.0.0.1:1' }, 403],
    [{ origin: 'null' }, 403],
    [{ 'sec-fetch-site': 'cross-site' }, 403],
    [{ 'sec-fetch-site': 'same-site' }, 403],
    [{ 'sec-fetch-site': 'none' }, 200],
    [{ 'sec-fetch-site': 'same-origin', origin: 'https://behind-a-proxy.example.com' }, 200],
  ]
  for (const [headers, expected] of cases) {
    t.equal(await post(headers), expected, JSON.stringify(headers))
    if ('origin' in headers)
      t.equal(
        (await openSocket({ headers: { ...basic('dan'), ...headers } })).status,
        expected === 200 ? 101 : 403,
      )
  }
  const evil = { ...basic('dan'), origin: 'https://evil.example.com' }
  t.equal(await openDashboard({ headers: evil }), 401, 'nor does it open a dashboard by polling')
  t.equal(await openDashboard({ headers: { ...basic('dan'), origin } }), 200)
  for (const method of ['GET', 'HEAD', 'OPTIONS'])
    t.equal((await ask({ method, headers: evil })).status, 200, method)
  for (const method of ['PUT', 'DELETE', 'PATCH'])
    t.equal((await ask({ method, headers: evil })).status, 403, method)
})

t.test('where any page may call, none does so by a password that the browser knows', async (t) => {
  const { ask, openSocket, openDashboard } = await openBasicDoor(t, { cors: { origins: ['*'] } })
  const headers = { ...basic('dan'), origin: 'https://any.example.com' }
  const post = async (more: object) =>
    (await ask({ method: 'POST', headers: { ...headers, ...more } })).status
  t.equal(await post({ 'content-type': 'application/json' }), 200)
  t.equal((await ask({ method: 'PUT', headers })).status, 200)
  t.equal(await post({ 'content-type': 'text/plain;charset=UTF-8' }), 403)
  t.equal(await post({ 'content-type': 'application/x-www-form-urlencoded' }), 403)
  t.equal(await post({}), 403)
  t.equal((await openSocket({ headers })).status, 403)
  t.equal(await openDashboard({ headers }), 401)
})

t.test('an address is what one party has', async (t) => {
  const of = (remoteAddress?: string) => addressOf({ socket: { remoteAddress } })
  t.equal(of('192.0.2.1'), '192.0.2.1')
  t.equal(of('::ffff:192.0.2.1'), '192.0.2.1')
  t.equal(of('2001:db8:1:2::1'), of('2001:0db8:0001:0002:ffff:1:2:3'))
  t.not(of('2001:db8:1:2::1'), of('2001:db8:1:3::1'))
  t.equal(of('fe80::1%eth0'), 'fe80:0:0:0::/64')
  t.equal(of('::1'), '0:0:0:0::/64')
  t.equal(of('64:ff9b::192.0.2.1'), '64:ff9b:0:0::/64')
  t.equal(of(undefined), '')
})
