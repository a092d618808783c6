import { createHmac } from 'node:crypto'
import { mock } from 'node:test'
import * as oidc from 'openid-client'
import t from 'tap'
import { bearer, derive } from '../support/door-fixture.ts'
import {
  authorization,
  clientOf,
  countRecords,
  editorOf,
  failureOf,
  openIdentityDoor,
  redeem,
  signIn,
  stopsAtInstances,
  type Authorization,
  type IdentityDoor,
} from '../support/identity-door.ts'

function without({ url }: Authorization, ...names: readonly string[]): URL {
  const changed = new URL(url)
  for (const name of names) changed.searchParams.delete(name)
  return changed
}

function withParameter({ url }: Authorization, name: string, value: string): URL {
  const changed = new URL(url)
  changed.searchParams.set(name, value)
  return changed
}

/** An answer with a code for alice at press, not redeemed yet. */
async function answered(door: IdentityDoor) {
  const client = await clientOf(door, 'uid-press')
  const browser = stopsAtInstances()
  const asked = await authorization(client, editorOf('uid-press'))
  const answer = await signIn(browser, await browser.open(asked.url), 'alice')
  const code = answer.url.searchParams.get('code') ?? ''
  const checks = { pkceCodeVerifier: asked.verifier, expectedState: asked.state, expectedNonce: asked.nonce }
  return { client, browser, asked, answer, code, checks }
}

/** A request to the token endpoint as whoever one likes. */
async function askForTokens(
  { issuer }: IdentityDoor,
  parameters: Readonly<Record<string, string>>,
  credentials?: readonly [string, string],
) {
  const headers: Record<string, string> =
    credentials === undefined ? {} : { authorization: `Basic ${btoa(credentials.join(':'))}` }
  const response = await fetch(`${issuer}/token`, {
    method: 'POST',
    headers,
    body: new URLSearchParams(parameters),
  })
  const body: unknown = await response.json()
  return { status: response.status, body }
}

t.test('without PKCE by S256 there is no code', async (t) => {
  const door = await openIdentityDoor(t)
  const client = await clientOf(door, 'uid-press')
  const browser = stopsAtInstances()
  const asked = await authorization(client, editorOf('uid-press'))
  for (const [url, error] of [
    [without(asked, 'code_challenge', 'code_challenge_method'), 'invalid_request'],
    [withParameter(asked, 'code_challenge_method', 'plain'), 'invalid_request'],
    // plain is what leaving it out means
    [without(asked, 'code_challenge_method'), 'invalid_request'],
    [withParameter(asked, 'response_type', 'token'), 'unsupported_response_type'],
    [withParameter(asked, 'response_type', 'id_token'), 'unsupported_response_type'],
  ] as const) {
    const { url: answer } = await browser.open(url)
    t.equal(answer.searchParams.get('code'), null)
    const parameters = answer.hash === '' ? answer.searchParams : new URLSearchParams(answer.hash.slice(1))
    t.equal(parameters.get('error'), error)
  }
})

t.test('a code needs the verifier that it was asked for with', async (t) => {
  const door = await openIdentityDoor(t)
  for (const verifier of [undefined, oidc.randomPKCECodeVerifier()]) {
    const { code } = await answered(door)
    const parameters = {
      grant_type: 'authorization_code',
      code,
      redirect_uri: editorOf('uid-press'),
      ...(verifier === undefined ? {} : { code_verifier: verifier }),
    }
    const secret = derive('oidc-client', 'uid-press').reveal()
    const { status, body } = await askForTokens(door, parameters, ['uid-press', secret])
    t.equal(status, 400)
    t.match(body, { error: 'invalid_grant' })
  }
})

t.test('an answer to another request is not taken', async (t) => {
  const door = await openIdentityDoor(t)
  const { client, answer, checks } = await answered(door)
  const wrong = { ...checks, expectedState: oidc.randomState() }
  t.match(await failureOf(oidc.authorizationCodeGrant(client, answer.url, wrong)), {
    cause: { message: /state/ },
  })
  const nonce = { ...checks, expectedNonce: oidc.randomNonce() }
  t.match(await failureOf(oidc.authorizationCodeGrant(client, answer.url, nonce)), {
    cause: { message: /nonce/ },
  })
})

t.test('a code is good once, and what it gave ends when it is used again', async (t) => {
  const door = await openIdentityDoor(t)
  const { client, answer, checks } = await answered(door)
  const tokens = await oidc.authorizationCodeGrant(client, answer.url, checks)
  t.match(await failureOf(oidc.authorizationCodeGrant(client, answer.url, checks)), {
    error: 'invalid_grant',
  })
  t.match(await failureOf(oidc.fetchUserInfo(client, tokens.access_token, 'alice')), { status: 401 })
})

t.test('of many who redeem a code at once, one may', async (t) => {
  const door = await openIdentityDoor(t)
  const { client, answer, checks } = await answered(door)
  const results = await Promise.allSettled(
    Array.from({ length: 8 }, async () => oidc.authorizationCodeGrant(client, answer.url, checks)),
  )
  t.ok(results.filter(({ status }) => status === 'fulfilled').length <= 1)
  t.ok(results.filter(({ status }) => status === 'rejected').length >= 7)
})

t.test('a refresh token is good once', async (t) => {
  const door = await openIdentityDoor(t)
  const { client, tokens } = await redeem(door, { user: 'alice' })
  const next = await oidc.refreshTokenGrant(client, tokens.refresh_token ?? '')
  const again = await failureOf(oidc.refreshTokenGrant(client, tokens.refresh_token ?? ''))
  t.match(again, { error: 'invalid_grant' })
  const stolen = await failureOf(oidc.refreshTokenGrant(client, next.refresh_token ?? ''))
  t.match(stolen, { error: 'invalid_grant' }, 'and all that came from it has ended')
})

t.test('an answer goes to the instance that asked, and nowhere else', async (t) => {
  const door = await openIdentityDoor(t)
  const client = await clientOf(door, 'uid-press')
  const browser = stopsAtInstances()
  const asked = await authorization(client, editorOf('uid-press'))
  for (const uri of [
    editorOf('uid-wrapper'),
    'https://evil.example.com/auth/strategy/callback',
    'http://127.0.0.1:12080/other',
    'http://127.0.0.1:12080/auth/strategy/callback/../../other',
    'http://127.0.0.1:12080/auth/strategy/callback?more=1',
    'http://127.0.0.1:12080@evil.example.com/auth/strategy/callback',
    'http://localhost:12080/auth/strategy/callback',
    'http://127.0.0.1/auth/strategy/callback',
    'javascript:alert(1)//auth/strategy/callback',
    '//evil.example.com/',
  ]) {
    const page = await browser.open(withParameter(asked, 'redirect_uri', uri))
    t.equal(page.status, 400, uri)
    t.equal(page.url.origin, door.url)
    t.match(page.text, /redirect_uri/)
  }
  const nowhere = await browser.open(without(asked, 'redirect_uri'))
  t.equal(nowhere.status, 400)
  const unknown = await browser.open(withParameter(asked, 'client_id', 'uid-nobody'))
  t.equal(unknown.status, 400)
})

t.test('a code is of no use to another instance, nor with another secret', async (t) => {
  const door = await openIdentityDoor(t)
  const redeemedBy = async (credentials: readonly [string, string] | undefined, more = {}) => {
    const { code, asked } = await answered(door)
    const parameters = {
      grant_type: 'authorization_code',
      code,
      redirect_uri: editorOf('uid-press'),
      code_verifier: asked.verifier,
    }
    return askForTokens(door, { ...parameters, ...more }, credentials)
  }
  const secretOf = (uid: string) => derive('oidc-client', uid).reveal()
  t.match(await redeemedBy(['uid-wrapper', secretOf('uid-wrapper')]), {
    status: 400,
    body: { error: 'invalid_grant' },
  })
  for (const secret of [secretOf('uid-wrapper'), '', secretOf('uid-press').slice(0, -1), 'undefined'])
    t.match(await redeemedBy(['uid-press', secret]), { status: secret === '' ? 400 : 401 }, 'a wrong secret')
  t.match(await redeemedBy(undefined, { client_id: 'uid-press' }), { status: 401 }, 'none at all')
})

t.test('a client does not prove itself by an assertion that anybody can write', async (t) => {
  const door = await openIdentityDoor(t)
  const { code, asked } = await answered(door)
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const now = Math.floor(Date.now() / 1000)
  const claims = { iss: 'uid-press', sub: 'uid-press', aud: door.issuer, jti: 'x', exp: now + 60, iat: now }
  const unsigned = `${part({ alg: 'none' })}.${part(claims)}.`
  const input = `${part({ alg: 'HS256' })}.${part(claims)}`
  const signed = `${input}.${createHmac('sha256', derive('oidc-client', 'uid-press').reveal()).update(input).digest('base64url')}`
  for (const assertion of [unsigned, signed]) {
    const { status } = await askForTokens(door, {
      grant_type: 'authorization_code',
      code,
      redirect_uri: editorOf('uid-press'),
      code_verifier: asked.verifier,
      client_id: 'uid-press',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: assertion,
    })
    t.ok(status === 400 || status === 401, `${status}`)
  }
})

t.test('a token without a signature is nobody’s', async (t) => {
  const door = await openIdentityDoor(t)
  const { tokens, browser } = await redeem(door, { user: 'alice' })
  const [, payload = ''] = (tokens.id_token ?? '').split('.')
  const none = `${Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url')}.${payload}.`
  t.equal((await fetch(`${door.issuer}/me`, { headers: bearer(none) })).status, 401)
  const page = await browser.open(`${door.issuer}/session/end?id_token_hint=${none}`)
  t.equal(page.status, 400, 'nor a hint whose session it is')
  const metadata: unknown = await (await fetch(`${door.issuer}/.well-known/openid-configuration`)).json()
  t.match(metadata, {
    id_token_signing_alg_values_supported: ['ES256'],
    code_challenge_methods_supported: ['S256'],
    response_types_supported: ['code'],
  })
})

t.test('an instance’s token is good for its sign-in, and opens no other door', async (t) => {
  const door = await openIdentityDoor(t)
  const { tokens } = await redeem(door, { user: 'alice' })
  const get = async (path: string, token: string) =>
    (await fetch(`${door.url}${path}`, { headers: bearer(token) })).status
  for (const token of [tokens.access_token, tokens.refresh_token ?? '', tokens.id_token ?? '']) {
    t.equal(await get('/api/v1/fleet', token), 401)
    t.equal(await get('/runtime/v1/settings', token), 401)
  }
  const secret = derive('oidc-client', 'uid-wrapper').reveal()
  const asked = await fetch(`${door.issuer}/token/introspection`, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa(`uid-wrapper:${secret}`)}` },
    body: new URLSearchParams({ token: tokens.access_token }),
  })
  t.match(await asked.json(), { active: false }, 'another instance learns nothing from it')
  t.equal(await get('/identity/me', derive('runtime-token', 'uid-press').reveal()), 401)
})

t.test('who a token is of is told to the Authorization header alone', async (t) => {
  const door = await openIdentityDoor(t)
  const { tokens } = await redeem(door, { user: 'alice' })
  const token = tokens.access_token
  const body = () => new URLSearchParams({ access_token: token })
  const me = async (path: string, init: RequestInit = {}) =>
    (await fetch(`${door.issuer}${path}`, init)).status
  for (const path of ['/me', '/me/', '/ME'])
    t.equal(await me(path, { method: 'POST', body: body() }), 401, `a form at ${path}`)
  t.equal(await me(`/me?access_token=${token}`), 400, 'a query')
  t.equal(await me('/me', { method: 'POST', headers: bearer(token) }), 200)
  t.equal(await me('/me', { method: 'POST', headers: bearer(token), body: body() }), 200, 'beside it')
  t.equal(await me('/me', { headers: bearer(token) }), 200)
})

t.test('an instance cannot ask for a token that opens the status door', async (t) => {
  const door = await openIdentityDoor(t)
  const client = await clientOf(door, 'uid-press')
  const browser = stopsAtInstances()
  const { url } = await browser.open(
    (await authorization(client, editorOf('uid-press'), { scope: 'openid status' })).url,
  )
  t.equal(url.searchParams.get('error'), 'invalid_scope')
})

t.test('a sign-in belongs to the browser that began it, and its forms to the pages', async (t) => {
  const door = await openIdentityDoor(t)
  const client = await clientOf(door, 'uid-press')
  const browser = stopsAtInstances()
  const page = await browser.open((await authorization(client, editorOf('uid-press'))).url)
  const other = stopsAtInstances()
  t.equal((await other.open(page.url)).status, 400, 'another browser')
  t.equal((await signIn(other, page, 'alice')).status, 400, 'a form sent from another browser')
  const forged = await browser.submit(page, { name: 'alice', password: 'password of alice', token: 'forged' })
  t.equal(forged.status, 400, 'a form that is not ours')
  const json = await fetch(page.url, {
    method: 'POST',
    body: '{}',
    headers: { 'content-type': 'application/json' },
  })
  t.equal(json.status, 415)
  const done = await signIn(browser, page, 'alice')
  t.equal(done.status, 0)
  t.equal((await signIn(browser, page, 'alice')).status, 400, 'it is over')
  const session = browser.cookies.value('weir_identity') ?? ''
  const thief = stopsAtInstances()
  thief.cookies.set({ name: 'weir_identity', value: session, url: page.url, path: '/identity' })
  const stolen = await thief.open((await authorization(client, editorOf('uid-press'))).url)
  t.equal(stolen.title, 'Sign in', 'a cookie without its signature')
})

t.test('what anybody may send in headers changes no URL', async (t) => {
  const door = await openIdentityDoor(t)
  const headers = {
    host: 'evil.example.com',
    'x-forwarded-host': 'evil.example.com',
    'x-forwarded-proto': 'https',
  }
  const { request } = await import('node:http')
  const text = await new Promise<string>((resolve, reject) => {
    request(`${door.issuer}/.well-known/openid-configuration`, { headers }, (response) => {
      let body = ''
      response
        .setEncoding('utf8')
        .on('data', (chunk: string) => (body += chunk))
        .on('end', () => resolve(body))
    })
      .on('error', reject)
      .end()
  })
  t.notMatch(text, /evil/)
  t.match(JSON.parse(text), { issuer: door.issuer, token_endpoint: `${door.issuer}/token` })
})

t.test('what has expired is as if it had never been', async (t) => {
  mock.timers.enable({ apis: ['Date'], now: Date.now() })
  t.teardown(() => mock.timers.reset())
  const door = await openIdentityDoor(t, { sessionHours: 8 })
  const minutes = (count: number) => mock.timers.setTime(Date.now() + count * 60_000)

  const { client, answer, checks } = await answered(door)
  minutes(2)
  t.match(await failureOf(oidc.authorizationCodeGrant(client, answer.url, checks)), {
    error: 'invalid_grant',
  })

  const { tokens, browser } = await redeem(door, { user: 'alice' })
  minutes(61)
  t.match(await failureOf(oidc.fetchUserInfo(client, tokens.access_token, 'alice')), { status: 401 })
  const next = await oidc.refreshTokenGrant(client, tokens.refresh_token ?? '')
  minutes(9 * 60)
  t.match(await failureOf(oidc.refreshTokenGrant(client, next.refresh_token ?? '')), {
    error: 'invalid_grant',
  })
  const asked = await authorization(client, editorOf('uid-press'))
  const page = await browser.open(asked.url)
  t.equal(page.title, 'Sign in', 'a session ends')
  minutes(31)
  t.equal((await signIn(browser, page, 'alice')).status, 400, 'a sign-in cannot be left open for ever')

  minutes(60 * 24 * 91)
  await stopsAtInstances().open(asked.url)
  await door.identity.tidy()
  t.equal(await countRecords(door), 1, 'what has expired is removed; the new sign-in stays')
})
