import { EventEmitter } from 'node:events'
import { createRequire } from 'node:module'
import { Socket } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { sha256 } from '../../../reconciler/model/digest.ts'
import { openEndpointDoor } from '../../support/endpoint-door.ts'
import { openIdentityProvider, type Identity } from '../../support/identity-provider.ts'
import { until } from '../../support/until.ts'

interface Owner {
  readonly username: string
  readonly until: number
}
interface Provider {
  readonly open: () => Promise<object>
  readonly ownerOf: (token: string) => Promise<Owner | undefined>
}
interface Session {
  readonly grantOf: (request: unknown, opensSocket?: boolean) => object | undefined
  readonly start: (response: object, signedIn: { username: string; proof: string; secure: boolean }) => void
}
type Bearers = (token: string, address: string) => Promise<object | undefined>
const load = createRequire(import.meta.url)
const { createProvider }: { createProvider: (identity: Identity, now: () => number) => Provider } = load(
  '../../../launcher/plugins/auth/provider.cjs',
)
const { guardedDoors } = load('../../../launcher/plugins/auth/endpoint-doors.cjs')
const { createOpenSockets } = load('../../../launcher/plugins/auth/open-sockets.cjs')
const { createQuestions } = load('../../../launcher/plugins/auth/questions.cjs')
const { createBearers }: { createBearers: (parts: object) => Bearers } = load(
  '../../../launcher/plugins/auth/bearers.cjs',
)
const { createEndpointSessions }: { createEndpointSessions: (parts: object) => Session } = load(
  '../../../launcher/plugins/auth/endpoint-session.cjs',
)

const metadata = 'GET /.well-known/openid-configuration'
const identity: Identity = {
  issuer: 'http://127.0.0.1:1/identity',
  backChannel: 'http://127.0.0.1:1/identity',
  clientId: 'instance-1',
  clientSecret: 'secret-of-instance-1',
  redirectUris: [],
  sessionHours: 12,
}

t.test('strangers have the provider asked for its metadata no more than it takes', async (t) => {
  const provider = await openIdentityProvider(t)
  const clock = { now: 0 }
  const client = createProvider(provider.clientFor(1), () => clock.now)
  const asked = () => provider.asked.filter((one) => one === metadata).length
  await Promise.all(Array.from({ length: 50 }, async () => client.open()))
  t.equal(asked(), 1, 'all at once share one answer')
  for (let count = 0; count < 50; count += 1) await client.open()
  t.equal(asked(), 5, 'and many after each other some')
  for (let count = 0; count < 20; count += 1) {
    clock.now += 1000
    t.equal(await client.ownerOf(`token-of-nobody-${count}`), undefined)
  }
  t.equal(asked(), 5, 'where another question follows, it is known for half a minute')

  await provider.pause()
  clock.now += 1000
  await t.rejects(
    client.open(),
    { name: 'ProviderUnavailable' },
    'an outage is seen before a browser is sent',
  )
  await t.rejects(client.ownerOf('token-of-nobody'), 'and nobody gets in')
  await provider.resume()
  clock.now += 1000
  t.equal(await client.ownerOf('token-of-nobody'), undefined, 'once it is back, it is asked')
  const before = asked()
  clock.now += 60_000
  await client.ownerOf('token-of-nobody')
  t.equal(asked(), before + 1)
})

t.test('tokens that are nobody’s are asked of a bounded number of times', async (t) => {
  const clock = { now: 0 }
  const people = new Map<string, Owner>([['token-of-a-machine', { username: 'dan', until: 600_000 }]])
  const waiting: (() => void)[] = []
  const world = { held: false, away: false, asked: 0 }
  const ownerOf = async (token: string) => {
    world.asked += 1
    if (world.held) await new Promise<void>((resolve) => waiting.push(resolve))
    if (world.away) throw new Error('away')
    return people.get(token)
  }
  const questions = createQuestions({ provider: { ownerOf }, now: () => clock.now })
  const members = new Map([['dan', { username: 'dan', proof: 'proof-of-dan' }]])
  const bearers = createBearers({
    membership: () => ({ members }),
    provider: questions,
    now: () => clock.now,
  })
  const door = await openEndpointDoor(t, async (request) => bearers(tokenIn(request), addressIn(request)))
  const ask = async (token: string, from = '127.0.0.1') =>
    door.ask({ headers: { authorization: `Bearer ${token}` }, from })
  const status = async (...asked: Parameters<typeof ask>) => (await ask(...asked)).status

  t.equal(await status('token-of-a-machine'), 200)
  world.away = true
  for (let count = 0; count < 70; count += 1) await status(`token-in-an-outage-${count}`)
  world.away = false
  t.equal(await status('token-of-nobody-at-all'), 401, 'an outage counts for nothing')
  for (let count = 0; count < 70; count += 1) await status(`token-of-nobody-${count}`)
  t.equal(world.asked, 1 + 70 + 60)
  t.match(await ask('token-of-nobody-else'), { status: 429, headers: { 'retry-after': '60' } })
  t.equal(await status('token-of-nobody-else-2', '127.0.0.2'), 401)
  clock.now += 5000
  t.equal(await status('token-of-a-machine'), 200, 'who was right is asked of anew all the same')
  t.equal(world.asked, 1 + 70 + 60 + 2)
  clock.now += 60_000

  world.held = true
  const before = world.asked
  const many = Array.from({ length: 37 }, async (_, count) => ask(`token-of-many-at-once-${count}`))
  t.match(await Promise.race(many), { status: 503, headers: { 'retry-after': '2' } })
  t.equal(world.asked - before, 4)
  const machine = status('token-of-a-machine')
  await until('the machine’s is asked of before them', () => waiting.length === 5)
  world.held = false
  waiting.forEach((resolve) => resolve())
  t.equal(await machine, 200)
  t.equal((await Promise.all(many)).filter((one) => one.status === 401).length, 36)
})

t.test('a socket ends when that ends by which it was opened', async (t) => {
  const clock = { now: Date.parse('2026-01-01T00:00:00Z') }
  const now = () => clock.now
  const hour = 60 * 60_000
  const at = (hours: number) => new Date(clock.now + hours * hour).toISOString()
  const tokens = [{ sha256: sha256('short'), expires: at(1) }, { sha256: sha256('for-ever') }]
  const members = new Map([['dan', { username: 'dan', tokens, proof: 'proof-of-dan' }]])
  const membership = () => ({ members })
  const issuedUntil = clock.now + 2 * hour
  const provider = { ownerOf: async () => ({ username: 'dan', until: issuedUntil }) }
  const bearers = createBearers({ membership, provider, now })
  const sessions = createEndpointSessions({ identity, membership, now, seconds: 12 * 60 * 60 })
  const door = await openEndpointDoor(t, async (request, opensSocket) =>
    tokenIn(request) === ''
      ? sessions.grantOf(request, opensSocket)
      : bearers(tokenIn(request), addressIn(request)),
  )
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
  const opened = {
    short: await door.openSocket({ headers: bearer('short') }),
    issued: await door.openSocket({ headers: bearer('access-token-of-the-provider') }),
    cookie: await door.openSocket({ headers: { cookie: cookieOf(sessions), origin: door.origin } }),
    forEver: await door.openSocket({ headers: bearer('for-ever') }),
  }
  const open = () =>
    Object.entries(opened)
      .filter(([, { closed }]) => !closed())
      .map(([name]) => name)
  for (const [name, { status }] of Object.entries(opened)) t.equal(status, 101, name)
  const poll = async (origin: string) =>
    door.openDashboard({ headers: { cookie: cookieOf(sessions), origin } })
  t.equal(await poll(door.origin), 200)
  t.equal(
    await poll('https://evil.example.com'),
    401,
    'no socket for another site, by whatever way it begins',
  )
  door.sweep()
  t.equal(open().length, 4)
  for (const [hours, ended] of [
    [1, 'short'],
    [1, 'issued'],
    [10, 'cookie'],
  ] as const) {
    const others = open().filter((name) => name !== ended)
    clock.now += hours * hour
    door.sweep()
    await until(`${ended} is closed`, () => opened[ended].closed())
    t.strictSame(open(), others, ended)
  }
  t.strictSame(open(), ['forEver'])
})

t.test('a dashboard that went away while it was asked about is not kept', async (t) => {
  const sockets = createOpenSockets()
  let answer: (verdict: object) => void = () => undefined
  const grantOf = async () => new Promise<object>((resolve) => (answer = resolve))
  const { ioMiddleware } = guardedDoors({ grantOf, refuse: () => undefined }, sockets).dashboard
  const conn = Object.assign(new EventEmitter(), { readyState: 'open' })
  const request = { headers: {}, rawHeaders: [] }
  const done: Promise<void> = ioMiddleware({ request, conn, disconnect: () => undefined }, () => undefined)
  conn.readyState = 'closed'
  conn.emit('close')
  answer({ username: 'dan', stillHolds: () => t.fail('it is looked at') })
  await done
  sockets.sweep()
  t.equal(conn.listenerCount('close'), 0)
})

t.test('nor is a socket', async (t) => {
  const asked: Socket[] = []
  let answer: (verdict: object) => void = () => undefined
  const door = await openEndpointDoor(t, async (request) => {
    asked.push(socketOf(request))
    return new Promise<object>((resolve) => (answer = resolve))
  })
  const left = door.openSocket().catch(() => 'left')
  await until('it is asked about', () => asked.length === 1)
  asked[0]?.destroy()
  t.equal(await left, 'left')
  await until('it is gone', () => asked[0]?.closed === true)
  answer({ username: 'dan', stillHolds: () => t.fail('it is looked at') })
  await setImmediate()
  door.sweep()
})

function headersOf(request: unknown): Record<string, string | undefined> {
  const headers: unknown = Object(request).headers
  return Object.fromEntries(Object.entries(Object(headers)).map(([name, value]) => [name, String(value)]))
}

function tokenIn(request: unknown): string {
  return (headersOf(request)['authorization'] ?? '').replace(/^Bearer /, '')
}

function addressIn(request: unknown): string {
  return socketOf(request).remoteAddress ?? ''
}

function socketOf(request: unknown): Socket {
  const socket: unknown = Object(request).socket
  if (!(socket instanceof Socket)) throw new Error('no socket')
  return socket
}

/** The session of a browser that signed in as dan. */
function cookieOf(sessions: Session): string {
  let cookie = ''
  const appendHeader = (_: string, value: string) => {
    cookie = value.split(';')[0] ?? ''
  }
  sessions.start({ appendHeader }, { username: 'dan', proof: 'proof-of-dan', secure: false })
  return cookie
}
