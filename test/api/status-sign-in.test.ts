import { mock } from 'node:test'
import * as oidc from 'openid-client'
import t from 'tap'
import { hashPassword } from '../../reconciler/identity/passwords.ts'
import { createBrowser } from '../support/browse.ts'
import { bearer, hashes } from '../support/door-fixture.ts'
import { desiredState } from '../support/fleet-fixture.ts'
import { openIdentityDoor, signIn, authorization, type IdentityDoor } from '../support/identity-door.ts'

async function fleetOf({ url }: IdentityDoor, headers: Record<string, string>): Promise<number> {
  return (await fetch(`${url}/api/v1/fleet`, { headers })).status
}

t.test('a browser signs in to the status by the identity door, and out again', async (t) => {
  const door = await openIdentityDoor(t)
  const browser = createBrowser()
  t.equal((await browser.open(`${door.url}/api/v1/fleet`)).status, 401)
  const page = await browser.open(`${door.url}/api/sign-in?next=/api/v1/instances`)
  t.match(page.text, /^Sign in to Weir/)
  const inside = await signIn(browser, page, 'dora')
  t.equal(inside.url.pathname, '/api/v1/instances')
  t.equal(inside.status, 200)
  t.match(JSON.parse(inside.html), { instances: [{ name: 'press' }] })
  const cookies = browser.cookies.seen.filter((cookie) => cookie.startsWith('weir_session='))
  t.equal(cookies.length, 1)
  t.match(cookies[0], /; Path=\/api; Max-Age=43200; HttpOnly; SameSite=Lax$/)

  const { desired } = door.feed.current()
  if (desired === undefined) return
  door.set({ ...door.feed.current(), desired: { ...desired, teams: new Map() } })
  t.match(
    JSON.parse((await browser.open(inside.url)).html),
    { instances: [] },
    'membership is read when it is used',
  )
  door.set({ ...door.feed.current(), desired: { ...desired, users: new Map() } })
  t.equal((await browser.open(inside.url)).status, 401, 'and so is whether they are declared')
  door.set({ ...door.feed.current(), desired })

  const session = browser.cookies.value('weir_session') ?? ''
  const leave = async () => browser.open(`${door.url}/api/sign-out`)
  t.equal((await browser.submit(await leave(), {}, 'op.logoutForm')).status, 200, 'who stays, stays')
  const ask = await browser.submit(await leave(), { logout: 'yes' }, 'op.logoutForm')
  const stayed = await browser.submit(ask, {}, 'op.logoutForm')
  t.equal(stayed.title, 'Still signed in', 'at the identity door, and it says so')
  const again = await browser.open(`${door.issuer}/session/end`)
  const left = await browser.submit(again, { logout: 'yes' }, 'op.logoutForm')
  t.equal(left.title, 'Signed out')
  t.equal((await browser.open(inside.url)).status, 401)
  t.equal(
    await fleetOf(door, { cookie: `weir_session=${session}` }),
    401,
    'whoever kept the cookie has nothing',
  )
  t.equal((await browser.open(`${door.url}/api/sign-in`)).title, 'Sign in', 'the identity door is left too')
})

t.test('sessions of the status survive a restart', async (t) => {
  const before = await openIdentityDoor(t)
  const browser = createBrowser()
  await signIn(browser, await browser.open(`${before.url}/api/sign-in`), 'alice')
  await before.close()
  await openIdentityDoor(t, before)
  t.equal((await browser.open(`${before.url}/api/v1/fleet`)).status, 200)
})

t.test('a commit that is read while somebody signs in ends that sign-in', async (t) => {
  for (const [kind, left] of [
    ['KnownAddress', 'Sign in'],
    ['AccessToken', ''],
  ] as const) {
    const door = await openIdentityDoor(t)
    const save = door.store.saveIdentityRecord.bind(door.store)
    const changed = desiredState({ ...hashes, alice: await hashPassword('another', { bcrypt: 4 }) })
    let read = 0
    mock.method(door.store, 'saveIdentityRecord', async (record: Parameters<typeof save>[0]) => {
      await save(record)
      if (record.kind !== kind) return
      read += 1
      door.set({ ...door.feed.current(), desired: changed })
    })
    const browser = createBrowser()
    const page = await signIn(browser, await browser.open(`${door.url}/api/sign-in`), 'alice')
    t.equal(read, 1, kind)
    t.equal(page.title, left)
    t.equal((await browser.open(`${door.url}/api/v1/fleet`)).status, 401, 'the former password opens nothing')
    const again = await browser.open(`${door.url}/api/sign-in`)
    t.equal((await signIn(browser, again, 'alice', 'another')).status, 200, 'and that of now does')
  }
})

t.test('a sign-in leads nowhere but back', async (t) => {
  const door = await openIdentityDoor(t)
  for (const next of [
    'https://evil.example.com/',
    '//evil.example.com/',
    '/\\evil.example.com/',
    '/api/../..//evil.example.com',
    '/api/\t/evil.example.com',
    '/identity/session/end',
    'javascript:alert(1)',
  ]) {
    const browser = createBrowser()
    const page = await browser.open(`${door.url}/api/sign-in?next=${encodeURIComponent(next)}`)
    t.equal((await signIn(browser, page, 'alice')).url.href, `${door.url}/api/v1/fleet`, next)
  }
})

t.test('a sign-in to the status is finished by the browser that began it', async (t) => {
  const door = await openIdentityDoor(t)
  const answers: URL[] = []
  const attacker = createBrowser({
    stopAt: (url) => url.pathname === '/api/sign-in/callback' && answers.push(url) > 0,
  })
  await signIn(attacker, await attacker.open(`${door.url}/api/sign-in`), 'alice')
  const [answer] = answers
  if (answer === undefined) throw new Error('no answer came by')
  const victim = createBrowser()
  t.equal((await victim.open(answer)).status, 400, 'who never began')
  await victim.open(`${door.url}/api/sign-in`)
  t.equal((await victim.open(answer)).status, 400, 'who began another one')
  t.equal(victim.cookies.value('weir_session'), undefined)
})

t.test('a program on somebody’s machine gets a token when they allow it', async (t) => {
  const door = await openIdentityDoor(t)
  const client = await oidc.discovery(new URL(door.issuer), 'weir-cli', undefined, oidc.None(), {
    execute: [oidc.allowInsecureRequests],
  })
  const asked = await authorization(client, 'http://127.0.0.1:34567/callback', { scope: 'openid status' })
  const browser = createBrowser({ stopAt: ({ port }) => port === '34567' })
  const page = await signIn(browser, await browser.open(asked.url), 'alice')
  t.match(page.text, /asks to read the status of the fleet as alice/)
  t.equal((await browser.submit(page, { token: 'forged' })).status, 400)
  const answer = await browser.submit(page)
  const tokens = await oidc.authorizationCodeGrant(client, answer.url, {
    pkceCodeVerifier: asked.verifier,
    expectedState: asked.state,
    expectedNonce: asked.nonce,
  })
  t.equal(await fleetOf(door, bearer(tokens.access_token)), 200)
  const last = tokens.access_token.endsWith('x') ? 'y' : 'x'
  t.equal(await fleetOf(door, bearer(`${tokens.access_token.slice(0, -1)}${last}`)), 401)
  t.match((await browser.open(asked.url)).text, /asks to read the status/, 'it is asked every time')

  const before = door.feed.current()
  const changed = desiredState({ ...hashes, alice: hashes['dora'] ?? '' })
  door.set({ ...before, desired: changed })
  t.equal(await fleetOf(door, bearer(tokens.access_token)), 401, 'it ends with the password')
  door.set(before)

  const out = await browser.open(`${door.issuer}/session/end`)
  await browser.submit(out, { logout: 'yes' }, 'op.logoutForm')
  t.equal(await fleetOf(door, bearer(tokens.access_token)), 401, 'it ends with the session it came from')
})
