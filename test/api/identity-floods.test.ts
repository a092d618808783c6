import net from 'node:net'
import { text } from 'node:stream/consumers'
import { mock } from 'node:test'
import t from 'tap'
import { createBrowser } from '../support/browse.ts'
import {
  authorization,
  clientOf,
  countRecords,
  editorOf,
  openIdentityDoor,
  signIn,
  stopsAtInstances,
} from '../support/identity-door.ts'
import { until } from '../support/until.ts'

t.test('one address begins as many sign-ins as may be, by whatever way, and then has to wait', async (t) => {
  const door = await openIdentityDoor(t, {
    beginLimit: { begun: 3, window: 300 },
    trustProxy: ['127.0.0.0/8'],
  })
  const { search } = (await authorization(await clientOf(door, 'uid-press'), editorOf('uid-press'))).url
  const ask = async (path: string, init: RequestInit = {}, from = '2001:db8::1') =>
    fetch(`${door.issuer}${path}`, { ...init, redirect: 'manual', headers: { 'x-forwarded-for': from } })
  for (let index = 0; index < 3; index++) t.equal((await ask(`/auth${search}`)).status, 303)
  const records = await countRecords(door)
  for (const [path, init] of [
    [`/auth${search}`],
    [`/AUTH${search}`],
    [`/auth/${search}`],
    [`/auth${search}`, { method: 'HEAD' }],
    ['/session/end'],
    ['/Session/End'],
  ] as const) {
    const answer = await ask(path, init, '2001:db8::ffff')
    t.equal(answer.status, 429, path)
    const wait = Number(answer.headers.get('retry-after'))
    t.ok(wait > 0 && wait <= 300)
    t.match(answer.headers.get('content-type'), /^text\/html/)
    if (init === undefined) t.match(await answer.text(), /Too many sign-ins.*Try again in 5 min/s)
  }
  for (const target of [`/auth#${search}`, '/session/end#', '/AUTH/#x', '/jwks#', '/interaction/x#'])
    t.match(await sendRaw(door.port, `/identity${target}`), /^HTTP\/1\.1 400 /, target)
  t.equal(await countRecords(door), records, 'and costs nothing any more')
  t.equal((await ask(`/auth${search}`, {}, '192.0.2.1')).status, 303, 'others do not wait')
  t.equal((await ask('/jwks')).status, 200, 'nor does what leaves nothing behind')
})

t.test('a whole sign-in is one that begins, and nothing else on its way costs a record', async (t) => {
  const door = await openIdentityDoor(t, { beginLimit: { begun: 2, window: 300 } })
  const client = await clientOf(door, 'uid-press')
  const begin = async (browser = stopsAtInstances()) => {
    const asked = await authorization(client, editorOf('uid-press'))
    return { browser, page: await browser.open(asked.url) }
  }
  const whole = [await begin(), await begin()]
  t.equal((await begin()).page.status, 429)
  for (const { browser, page } of whole)
    t.equal((await signIn(browser, page, 'alice')).status, 0, 'and is not sent away after the password')
  const records = await countRecords(door)
  for (const path of ['/auth/nobodys', '/session/end/success', '/session/end/confirm'])
    for (const method of ['GET', 'POST']) await fetch(`${door.issuer}${path}`, { method, redirect: 'manual' })
  t.equal(await countRecords(door), records)
})

t.test('what has expired goes by itself', async (t) => {
  mock.timers.enable({ apis: ['setInterval', 'Date'], now: Date.now() })
  t.teardown(() => mock.timers.reset())
  const door = await openIdentityDoor(t)
  const { url } = await authorization(await clientOf(door, 'uid-press'), editorOf('uid-press'))
  await fetch(url, { redirect: 'manual' })
  t.equal(await countRecords(door), 1)
  mock.timers.tick(31 * 60_000)
  await until('the record is gone', async () => (await countRecords(door)) === 0)
})

t.test('a session of nobody is not kept for long', async (t) => {
  const door = await openIdentityDoor(t)
  const answer = await fetch(`${door.issuer}/session/end`)
  const expires = /weir_identity=.*?expires=([^;\n]+)/.exec(answer.headers.getSetCookie().join('\n'))?.[1]
  t.ok(Date.parse(expires ?? '') < Date.now() + 31 * 60_000)
})

t.test('beginning to sign in to the status costs the store nothing', async (t) => {
  const door = await openIdentityDoor(t)
  const begin = async (next: string) => fetch(`${door.url}/api/sign-in?next=${next}`, { redirect: 'manual' })
  const answers = await Promise.all(Array.from({ length: 10 }, async () => begin('/api/v1/plan')))
  t.ok(answers.every(({ status }) => status === 303))
  t.equal(await countRecords(door), 0)
  const [first = ''] = answers[0]?.headers.getSetCookie() ?? []
  t.notMatch(first, /plan|verifier/, 'what the browser keeps, it cannot read')
  const long = (await begin(`/api/v1/${'x'.repeat(6000)}`)).headers.getSetCookie()[0] ?? ''
  t.ok(long.length < 4096, 'and it is no larger than a cookie may be (RFC 6265, section 6.1)')
})

t.test('an altered or foreign note of a browser begins nothing', async (t) => {
  const door = await openIdentityDoor(t)
  const answers: URL[] = []
  const browser = createBrowser({
    stopAt: (url) => url.pathname === '/api/sign-in/callback' && answers.push(url) > 0,
  })
  await signIn(browser, await browser.open(`${door.url}/api/sign-in`), 'alice')
  const note = browser.cookies.value('weir_sign_in') ?? ''
  const callback = async (value: string) =>
    fetch(answers[0] ?? door.url, { redirect: 'manual', headers: { cookie: `weir_sign_in=${value}` } })
  const altered = `${note.slice(0, -4)}${note.endsWith('AAAA') ? 'BBBB' : 'AAAA'}`
  for (const value of [altered, note.slice(0, 20), 'x', '']) t.equal((await callback(value)).status, 400)
  t.equal((await callback(note)).status, 303)
  t.equal((await callback(note)).status, 400, 'nor does one that was used')
})

t.test('reloading the page of a refusal is told once', async (t) => {
  const door = await openIdentityDoor(t)
  const client = await clientOf(door, 'uid-press')
  const browser = stopsAtInstances()
  const asked = await authorization(client, editorOf('uid-press'))
  const page = await signIn(browser, await browser.open(asked.url), 'nobody')
  for (let index = 0; index < 5; index++) t.equal((await browser.open(page.url)).status, 403)
  const told = async () =>
    (await door.store.audit({ limit: 10, event: 'access-refused' })).map(({ user, count }) => [user, count])
  t.strictSame(await told(), [['nobody', undefined]])
  await door.identity.tidy(true)
  t.strictSame(await told(), [
    ['nobody', 5],
    ['nobody', undefined],
  ])
})

t.test('what was only counted is told when the doors close', async (t) => {
  const before = await openIdentityDoor(t)
  const client = await clientOf(before, 'uid-press')
  const browser = stopsAtInstances()
  const page = await browser.open((await authorization(client, editorOf('uid-press'))).url)
  for (let index = 0; index < 3; index++) await signIn(browser, page, `somebody ${index}`, 'guess')
  await before.close()
  const door = await openIdentityDoor(t, { folder: before.folder })
  t.match(await door.store.audit({ limit: 10 }), [
    { event: 'sign-in-refused', count: 2 },
    { event: 'sign-in-refused', user: undefined },
  ])
})

/** Sends a request for a target that no client would make a URL of, and returns the whole answer. */
async function sendRaw(port: number, target: string): Promise<string> {
  const socket = net.connect(port, '127.0.0.1')
  socket.write(`GET ${target} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n`)
  return text(socket)
}
