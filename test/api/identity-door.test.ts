import * as oidc from 'openid-client'
import t from 'tap'
import { hashPassword } from '../../reconciler/identity/passwords.ts'
import { createBrowser } from '../support/browse.ts'
import { desiredState, type Hashes } from '../support/fleet-fixture.ts'
import { derive, hashes } from '../support/door-fixture.ts'
import {
  authorization,
  clientOf,
  editorOf,
  endpointsOf,
  failureOf,
  openIdentityDoor,
  redeem,
  signIn,
  stopsAtInstances,
  type IdentityDoor,
} from '../support/identity-door.ts'

/** The fleet after a commit that took people out of every team, or changed their role. */
function afterCommit(
  door: IdentityDoor,
  members: readonly { user: string; role: 'owner' | 'viewer' }[],
  known: Hashes = hashes,
) {
  const desired = desiredState(known)
  const assembly = desired.teams.get('assembly')
  if (assembly === undefined) throw new Error('no team')
  const teams = new Map(desired.teams).set('assembly', {
    ...assembly,
    spec: { ...assembly.spec, members: [...members] },
  })
  door.set({ ...door.feed.current(), desired: { ...desired, teams } })
}

t.test('who a person is, and what they may do there, is told to the instance', async (t) => {
  const door = await openIdentityDoor(t)
  for (const [user, permissions] of [
    ['alice', '*'],
    ['victor', 'read'],
    ['dora', ''],
    ['root', 'read'],
  ] as const) {
    const { claims, client, tokens } = await redeem(door, { user })
    const expected = { sub: user, name: user, email: `${user}@example.com`, weir_permissions: permissions }
    t.match(claims, { ...expected, aud: 'uid-press', iss: door.issuer }, user)
    t.match(await oidc.fetchUserInfo(client, tokens.access_token, user), expected, user)
  }
})

t.test('a session is enough for the next instance, until it is ended', async (t) => {
  const door = await openIdentityDoor(t)
  const { browser, tokens, client } = await redeem(door, { user: 'root' })
  const { claims } = await redeem(door, { user: 'root', uid: 'uid-wrapper', browser })
  t.match(claims, { sub: 'root', aud: 'uid-wrapper' }, 'no password was asked for')

  const back = 'http://127.0.0.1:12080/'
  const page = await browser.open(
    oidc.buildEndSessionUrl(client, { id_token_hint: tokens.id_token ?? '', post_logout_redirect_uri: back }),
  )
  t.match(page.headers.get('content-security-policy'), /form-action 'self' http:\/\/127\.0\.0\.1:12080;/)
  const left = await browser.submit(page, { logout: 'yes' }, 'op.logoutForm')
  t.equal(left.url.origin, new URL(back).origin)
  const again = await browser.open((await authorization(client, editorOf('uid-press'))).url)
  t.equal(again.title, 'Sign in')
  await t.rejects(
    oidc.fetchUserInfo(client, tokens.access_token, 'root'),
    'what was issued has ended with it',
  )
})

t.test('who may not see an instance gets a page that says so, no code and no loop', async (t) => {
  const door = await openIdentityDoor(t)
  const client = await clientOf(door, 'uid-press')
  for (const user of ['nobody', 'bob']) {
    const browser = stopsAtInstances()
    const asked = await authorization(client, editorOf('uid-press'))
    const page = await signIn(browser, await browser.open(asked.url), user)
    t.equal(page.status, 403, user)
    t.equal(page.url.origin, door.url, 'they are still here')
    t.match(page.text, new RegExp(`signed in as ${user}`))
    t.match(page.text, /not a member of the team .* ask alice to make you a member of the team assembly/)
    const again = await browser.open(asked.url)
    t.equal(again.status, 403, 'and again')
    const other = await signIn(browser, await browser.click(again, 'Sign in as somebody else'), 'alice')
    t.equal(other.status, 0, 'somebody else may')
    t.ok(other.url.searchParams.get('code'))
  }
})

t.test('dashboard users are let to the endpoints, and not to the editor', async (t) => {
  const door = await openIdentityDoor(t)
  const client = await clientOf(door, 'uid-press')
  const browser = stopsAtInstances()
  const editor = await authorization(client, editorOf('uid-press'))
  const page = await signIn(browser, await browser.open(editor.url), 'dora')
  t.equal(page.status, 403)
  t.match(page.text, /dashboards and HTTP endpoints of press, but not its editor/)
  const { claims } = await redeem(door, { user: 'dora', browser })
  t.match(claims, { sub: 'dora', weir_permissions: '' })
})

t.test('membership is read when it is used', async (t) => {
  const door = await openIdentityDoor(t)
  const { client, tokens, browser } = await redeem(door, { user: 'alice' })
  afterCommit(door, [{ user: 'alice', role: 'viewer' }])
  t.match(await oidc.fetchUserInfo(client, tokens.access_token, 'alice'), { weir_permissions: 'read' })
  const refreshed = await oidc.refreshTokenGrant(client, tokens.refresh_token ?? '')
  t.match(refreshed.claims(), { sub: 'alice', weir_permissions: 'read' })

  afterCommit(door, [])
  t.match(await failureOf(oidc.fetchUserInfo(client, refreshed.access_token, 'alice')), { status: 401 })
  t.match(await failureOf(oidc.refreshTokenGrant(client, refreshed.refresh_token ?? '')), {
    error: 'invalid_grant',
  })
  const page = await browser.open((await authorization(client, editorOf('uid-press'))).url)
  t.equal(page.status, 403)
})

t.test('a code is not redeemed for somebody who lost access after it was issued', async (t) => {
  const door = await openIdentityDoor(t)
  const client = await clientOf(door, 'uid-press')
  const browser = stopsAtInstances()
  const asked = await authorization(client, editorOf('uid-press'))
  const answer = await signIn(browser, await browser.open(asked.url), 'alice')
  afterCommit(door, [])
  const checks = { pkceCodeVerifier: asked.verifier, expectedState: asked.state, expectedNonce: asked.nonce }
  t.match(await failureOf(oidc.authorizationCodeGrant(client, answer.url, checks)), {
    error: 'invalid_grant',
  })
})

t.test('who is declared no more has to be somebody else', async (t) => {
  const door = await openIdentityDoor(t)
  const { client, browser } = await redeem(door, { user: 'alice' })
  const { desired } = door.feed.current()
  if (desired === undefined) return
  const users = new Map(desired.users)
  users.delete('alice')
  door.set({ ...door.feed.current(), desired: { ...desired, users } })
  const page = await browser.open((await authorization(client, editorOf('uid-press'))).url)
  t.equal(page.title, 'Sign in')
  const refused = await signIn(browser, page, 'alice')
  t.equal(refused.status, 422)
  t.equal((await signIn(browser, refused, 'victor')).status, 0)
})

t.test('a changed password ends what began with the one before', async (t) => {
  const door = await openIdentityDoor(t)
  const { client, tokens, browser } = await redeem(door, { user: 'alice' })
  const inside = createBrowser()
  await signIn(inside, await inside.open(`${door.url}/api/sign-in`), 'alice')
  t.equal((await inside.open(`${door.url}/api/v1/fleet`)).status, 200)
  const known = async (token = '') => (await oidc.tokenIntrospection(client, token)).active
  t.strictSame([await known(tokens.access_token), await known(tokens.refresh_token)], [true, true])
  const desired = desiredState({ ...hashes, alice: await hashPassword('a new password', { bcrypt: 4 }) })
  door.set({ ...door.feed.current(), desired })

  t.match(await failureOf(oidc.fetchUserInfo(client, tokens.access_token, 'alice')), { status: 401 })
  t.strictSame([await known(tokens.access_token), await known(tokens.refresh_token)], [false, false])
  t.match(await failureOf(oidc.refreshTokenGrant(client, tokens.refresh_token ?? '')), {
    error: 'invalid_grant',
  })
  t.equal((await inside.open(`${door.url}/api/v1/fleet`)).status, 401)
  const page = await browser.open((await authorization(client, editorOf('uid-press'))).url)
  t.equal(page.title, 'Sign in')
  const refused = await signIn(browser, page, 'alice')
  t.equal(refused.status, 422, 'the former password')
  t.equal((await signIn(browser, refused, 'alice', 'a new password')).status, 0)
})

t.test('an access token is nobody’s for an instance that they may no longer use', async (t) => {
  const door = await openIdentityDoor(t)
  const { client, tokens } = await redeem(door, { user: 'alice' })
  afterCommit(door, [])
  t.strictSame(await oidc.tokenIntrospection(client, tokens.access_token), { active: false })
})

t.test('what is left after signing out is told, and so is that nobody did', async (t) => {
  const door = await openIdentityDoor(t)
  const { client, browser } = await redeem(door, { user: 'alice' })
  const page = await browser.open(oidc.buildEndSessionUrl(client))
  t.match(page.text, /signed in as alice\. Until you sign out, whoever uses this browser gets into editors/)
  const stayed = await browser.submit(page, {}, 'op.logoutForm')
  t.equal(stayed.title, 'Still signed in')
  t.match(stayed.text, /as alice/)
  t.equal((await redeem(door, { user: 'alice', browser })).answer.status, 0, 'as it says')
  const left = await browser.submit(
    await browser.open(oidc.buildEndSessionUrl(client)),
    { logout: 'yes' },
    'op.logoutForm',
  )
  t.equal(left.title, 'Signed out')
  t.match(left.text, /that are open stay so/)
})

t.test('sessions, tokens and keys survive a restart', async (t) => {
  const before = await openIdentityDoor(t)
  const { client, tokens, browser, claims } = await redeem(before, { user: 'alice' })
  await before.close()
  const door = await openIdentityDoor(t, before)
  t.match(await oidc.fetchUserInfo(client, tokens.access_token, 'alice'), { sub: 'alice' })
  t.match((await oidc.refreshTokenGrant(client, tokens.refresh_token ?? '')).claims(), {
    sub: claims?.sub ?? '',
  })
  const { answer } = await redeem(door, { user: 'alice', browser })
  t.equal(answer.status, 0, 'no page was shown')
})

t.test('an instance is a client for as long as it is there, at its own URLs', async (t) => {
  const door = await openIdentityDoor(t)
  const client = await clientOf(door, 'uid-press')
  const browser = stopsAtInstances()
  const ask = async (redirectUri: string) => browser.open((await authorization(client, redirectUri)).url)
  const { desired, inventory } = door.feed.current()
  const press = desired?.instances.get('press')
  if (desired === undefined || press === undefined) return
  t.equal((await ask('https://press.example.com/auth/strategy/callback')).status, 400)
  const declared = new Map(desired.instances).set('press', { ...press, hostnames: ['Press.example.com'] })
  door.set({ ...door.feed.current(), desired: { ...desired, instances: declared } })
  t.equal((await ask('https://press.example.com/auth/strategy/callback')).title, 'Sign in')
  const rest = new Map(inventory)
  rest.delete('uid-press')
  door.set({ ...door.feed.current(), inventory: rest })
  t.equal((await ask(editorOf('uid-press'))).status, 400, 'it is gone')
})

t.test('until Git was read nobody can sign in, and it says so', async (t) => {
  const door = await openIdentityDoor(t)
  const client = await clientOf(door, 'uid-press')
  const status = door.feed.current()
  const { desired: _, ...unread } = status
  door.set(unread)
  const page = await stopsAtInstances().open((await authorization(client, editorOf('uid-press'))).url)
  t.equal(page.status, 503)
  t.match(page.text, /has not been read yet/)
  t.equal((await fetch(`${door.issuer}/me`)).status, 503)
  t.equal((await fetch(`${door.issuer}/jwks`)).status, 200)
  t.equal((await fetch(`${door.url}/api/sign-in`, { redirect: 'manual' })).status, 503)
})

t.test('after ten failures an account has to wait, at every door, also after a restart', async (t) => {
  const before = await openIdentityDoor(t)
  const client = await clientOf(before, 'uid-press')
  const browser = stopsAtInstances()
  const asked = await authorization(client, editorOf('uid-press'))
  let page = await browser.open(asked.url)
  for (let attempt = 0; attempt < 10; attempt++) {
    page = await signIn(browser, page, 'alice', `guess ${attempt}`)
    t.equal(page.status, 422)
  }
  t.match(page.html, /role="alert"/)
  page = await signIn(browser, page, 'alice')
  t.equal(page.status, 429)
  t.ok(Number(page.headers.get('retry-after')) > 0)

  await before.close()
  const door = await openIdentityDoor(t, before)
  page = await signIn(browser, page, 'alice')
  t.equal(page.status, 429, 'the right password, after a restart')
  const authorizationHeader = `Basic ${btoa('alice:password of alice')}`
  const status = await fetch(`${door.url}/api/v1/fleet`, { headers: { authorization: authorizationHeader } })
  t.equal(status.status, 429)
  t.equal((await signIn(browser, page, 'victor')).status, 0, 'others need not wait')
})

t.test('behind a proxy that is trusted, people do not share an address', async (t) => {
  for (const [trustProxy, expected] of [
    [['127.0.0.0/8'], 422],
    [[], 429],
  ] as const) {
    const door = await openIdentityDoor(t, { trustProxy })
    const client = await clientOf(door, 'uid-press')
    const asked = await authorization(client, editorOf('uid-press'))
    const from = (address: string) => stopsAtInstances({ headers: { 'x-forwarded-for': address } })
    const first = from('192.0.2.1')
    let page = await first.open(asked.url)
    for (let attempt = 0; attempt < 11; attempt++) page = await signIn(first, page, 'alice', 'guess')
    t.equal(page.status, 429)
    const second = from('192.0.2.2')
    page = await signIn(second, await second.open(asked.url), 'alice', 'guess')
    t.equal(page.status, expected, `trusting ${trustProxy.join()}`)
  }
})

t.test('sign-ins and refusals stand in the audit trail', async (t) => {
  const door = await openIdentityDoor(t)
  const client = await clientOf(door, 'uid-press')
  const browser = stopsAtInstances()
  let page = await browser.open((await authorization(client, editorOf('uid-press'))).url)
  page = await signIn(browser, page, 'alice', 'guess')
  page = await signIn(browser, page, 'my secret passw0rd', 'guess')
  await signIn(browser, page, 'nobody')
  const entries = await door.store.audit({ limit: 10 })
  t.match(
    entries.map(({ event, user, instance, message }) => [event, user, instance, message]).toReversed(),
    [
      ['sign-in-refused', 'alice', 'press', 'wrong name or password, from 127.0.0.1'],
      ['sign-in-refused', undefined, 'press', 'wrong name or password, from 127.0.0.1'],
      ['sign-in', 'nobody', 'press', 'by password, from 127.0.0.1'],
      ['access-refused', 'nobody', 'press', 'not-a-member, from 127.0.0.1'],
    ],
  )
  t.notMatch(JSON.stringify(entries), /passw0rd|guess/)
})

t.test('the store holds nothing that could be presented', async (t) => {
  const door = await openIdentityDoor(t)
  const { tokens, browser } = await redeem(door, { user: 'alice' })
  await door.close()
  const { readFileSync, readdirSync } = await import('node:fs')
  const bytes = readdirSync(door.folder)
    .map((name) => readFileSync(`${door.folder}/${name}`, 'latin1'))
    .join('')
  const session = browser.cookies.value('weir_identity')
  for (const secret of [tokens.access_token, tokens.refresh_token, tokens.id_token, session]) {
    t.ok(secret)
    t.notOk(bytes.includes(secret ?? ''))
  }
  t.notOk(bytes.includes(derive('oidc-client', 'uid-press').reveal()))
})

t.test('pages work without scripts, in no frame, and are marked up for everybody', async (t) => {
  const door = await openIdentityDoor(t)
  const client = await clientOf(door, 'uid-press')
  const browser = stopsAtInstances()
  const page = await browser.open((await authorization(client, endpointsOf('uid-press'))).url)
  const policy = page.headers.get('content-security-policy') ?? ''
  t.match(
    policy,
    /default-src 'none'; script-src 'none'; style-src 'sha256-[^']+'; form-action 'self' http:\/\/127\.0\.0\.1:12080; frame-ancestors 'none'; base-uri 'none'/,
  )
  t.equal(page.headers.get('x-frame-options'), 'DENY')
  t.equal(page.headers.get('cache-control'), 'no-store')
  t.match(page.html, /<html lang="en">/)
  for (const name of ['name', 'password'])
    t.match(page.html, new RegExp(`<label for="${name}">.*\n<input id="${name}"`))
  t.match(page.html, /autocomplete="username"[^>]* autofocus/)
  t.match(page.html, /autocomplete="current-password"/)
  t.notMatch(page.html, /<script|<iframe|\bon[a-z]+=|style="/)
  const failed = await signIn(browser, page, '"><script>alert(1)</script>', 'guess')
  t.match(failed.html, /role="alert" id="problem"/)
  t.match(failed.html, /aria-invalid="true" aria-describedby="problem"/)
  t.notMatch(failed.html, /<script/, 'what was typed is text')
  for (const cookie of browser.cookies.seen) {
    t.match(cookie, /httponly/i)
    t.match(cookie, /samesite=lax/i)
    t.match(cookie, /path=\/identity/i)
  }
})
