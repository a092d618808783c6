import { createHmac } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { editorSession, signInToEditor, tokenFor } from '../../support/editor-session.ts'
import { freePortPair } from '../../support/free-port.ts'
import { type LauncherWithSignIn, startWithSignIn } from '../../support/launcher-with-sign-in.ts'
import { ask, member } from '../../support/launcher.ts'
import { Visitor } from '../../support/visitor.ts'

const members = [member('olga', '*'), member('vera', 'read')]

/** What the provider issued last, as the instance got it. */
type Issued = Record<string, unknown>

/** Where the provider sends the browser: to the callback, with a code. */
async function answered({ editor }: LauncherWithSignIn, visitor: Visitor): Promise<URL> {
  const atCallback = (location: string) => location.startsWith(`${editor}auth/strategy/callback`)
  const form = await visitor.open(`${editor}auth/strategy`, atCallback)
  if (form.status !== 200) return new URL(form.url)
  const back = await visitor.submit(form, { text: 'olga', password: 'olga-password' }, atCallback)
  return new URL(back.url)
}

function partsOf(token: unknown): readonly [object, object, string] {
  const [header = '', payload = '', signature = ''] = String(token).split('.')
  const read = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString())
  return [read(header), read(payload), signature]
}

function encoded(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

t.test('an answer of the provider serves the browser it is meant for, once', async (t) => {
  const running = await startWithSignIn(t, { members })
  const { editor } = running
  const status = async (visitor: Visitor, url: URL) => (await visitor.open(url.href)).status
  const changed = (url: URL, name: string, value: string | undefined) => {
    const other = new URL(url)
    if (value === undefined) other.searchParams.delete(name)
    else other.searchParams.set(name, value)
    return other
  }
  const visitor = new Visitor()
  const url = await answered(running, visitor)
  t.equal(await status(new Visitor(), url), 400, 'another browser')
  t.equal(await status(visitor, changed(url, 'state', 'another')), 400, 'another state')
  t.equal(await status(visitor, changed(url, 'state', undefined)), 400, 'no state')
  const kept = visitor.cookies.all()
  t.equal(await status(visitor, changed(url, 'code', 'another-code')), 400, 'another code')
  t.equal(await status(visitor, url), 400, 'and that sign-in is over')

  visitor.cookies.restore(kept)
  t.equal(await status(visitor, changed(url, 'iss', 'http://127.0.0.1:1/identity')), 400, 'another issuer')
  visitor.cookies.restore(kept)
  t.match((await visitor.ask(url.href)).headers.get('location'), /^\/\?code=/)
  visitor.cookies.restore(kept)
  t.equal(await status(visitor, url), 400, 'the code again, by who kept the cookie')

  const forged = kept.map((cookie) => ({ ...cookie, value: cookie.value.replace(/^...../, 'AAAAA') }))
  visitor.cookies.restore(forged)
  t.equal(await status(visitor, url), 400, 'a forged cookie')
  t.equal((await new Visitor().open(`${editor}?code=made-up`)).status, 200)
  const body = new URLSearchParams({ code: 'made-up' })
  t.equal((await ask(`${editor}auth/token`, { method: 'POST', body })).status, 400)
})

t.test('an ID token that is not ours is refused', async (t) => {
  const { provider, identity, editor } = await startWithSignIn(t, { members })
  const attempt = async () => (await signInToEditor(editor, 'olga', 'olga-password', new Visitor())).status
  let genuine: Issued = {}
  const forge = async (t: Test, what: string, make: (issued: Issued) => unknown) => {
    provider.tamper = (issued) => {
      genuine = issued
      return { ...issued, id_token: make(issued) }
    }
    t.equal(await attempt(), 400, what)
  }
  await forge(t, 'alg: none', ({ id_token }) => {
    const [header, payload] = partsOf(id_token)
    return `${encoded({ ...header, alg: 'none' })}.${encoded(payload)}.`
  })
  await forge(t, 'a key that everybody has', ({ id_token }) => {
    const [header, payload] = partsOf(id_token)
    const signed = `${encoded({ ...header, alg: 'HS256' })}.${encoded(payload)}`
    return `${signed}.${createHmac('sha256', identity.clientSecret).update(signed).digest('base64url')}`
  })
  await forge(t, 'another name in it', ({ id_token }) => {
    const [header, payload, signature] = partsOf(id_token)
    return `${encoded(header)}.${encoded({ ...payload, sub: 'vera' })}.${signature}`
  })
  const earlier = genuine['id_token']
  await forge(t, 'one of an earlier sign-in: its nonce is another', () => earlier)
  await forge(t, 'none', () => undefined)
  const claims: readonly (readonly [string, object])[] = [
    ['one that has expired', { exp: Math.floor(Date.now() / 1000) - 120 }],
    ['one for another instance', { aud: 'instance-1' }],
    ['one of another provider', { iss: 'http://127.0.0.1:1/identity' }],
    ['one with another nonce', { nonce: 'another' }],
    ['one that names nobody', { sub: undefined }],
  ]
  for (const [what, change] of claims)
    await forge(t, what, ({ id_token }) => provider.sign({ ...partsOf(id_token)[1], ...change }))
  provider.tamper = ({ id_token, ...rest }) => ({ ...rest, id_token: provider.sign(partsOf(id_token)[1]) })
  t.type(await editorSession(editor, 'olga'), 'string', 'and an honest one is taken')
})

t.test('the admin API takes a token from the header alone', async (t) => {
  const { editor } = await startWithSignIn(t, { members })
  const token = (await editorSession(editor, 'olga')) ?? ''
  const bearer = { authorization: `Bearer ${token}` }
  const json = { 'content-type': 'application/json' }
  const status = async (path: string, init: RequestInit = {}) => (await ask(`${editor}${path}`, init)).status
  const deploy = { method: 'POST', headers: { ...json, 'node-red-api-version': 'v2' } }
  const body = JSON.stringify({ flows: [], access_token: token })
  for (const path of ['flows', 'settings', 'settings/user', 'context/global', 'library/local/flows/'])
    t.equal(await status(`${path}?access_token=${token}`), 401, path)
  const settings = { method: 'POST', headers: json, body: JSON.stringify({ access_token: token }) }
  for (const path of ['settings/user', 'flow', 'nodes'])
    t.equal(await status(path, settings), 401, `in a body of JSON at ${path}`)
  const form = new URLSearchParams({ access_token: token })
  t.equal(await status('settings/user', { method: 'POST', body: form }), 401, 'in a form')
  t.equal(
    await status(`flows?access_token=${token}`, { headers: bearer }),
    200,
    'beside the header it is no token',
  )
  t.equal(await status('flows', { ...deploy, body, headers: { ...deploy.headers, ...bearer } }), 200)
})

t.test('an access token opens the instance that it was issued for, as far as its member may', async (t) => {
  const { launcher, provider, editor, signIn } = await startWithSignIn(t, { members })
  const issued: string[] = []
  provider.tamper = (answer) => {
    issued.push(String(answer['access_token']))
    return answer
  }
  const accessToken = async (username: string) => {
    await signIn(username)
    return issued.at(-1) ?? ''
  }
  const flows = async (token: string, method = 'GET') => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const body = method === 'POST' ? { body: '[]' } : {}
    return (await ask(`${editor}flows`, { method, headers, ...body })).status
  }
  const [olga, vera] = [await accessToken('olga'), await accessToken('vera')]
  t.strictSame([await flows(olga), await flows(olga, 'POST')], [200, 204])
  t.strictSame([await flows(vera), await flows(vera, 'POST')], [200, 401])

  const { settings } = launcher.door
  if (settings === undefined) throw new Error('no settings')
  const other = provider.clientFor(await freePortPair(), {
    redirectUris: settings.identity?.redirectUris ?? [],
  })
  launcher.door.settings = { ...settings, digest: 'another client', identity: other }
  await launcher.admin('POST', '/reload')
  t.equal(await flows(olga), 401, 'one of another client')
  const now = await accessToken('olga')
  t.equal(await flows(now), 200)
  launcher.door.settings = { ...launcher.door.settings, digest: 'without olga', members: members.slice(1) }
  await launcher.admin('POST', '/reload')
  t.equal(await flows(now), 401, 'of who is no longer a member')
  const later = await accessToken('vera')
  await provider.pause()
  t.equal(await flows(later), 401, 'nobody vouches for it')
})

t.test('a password that changes while a code is redeemed ends what comes of it', async (t) => {
  const { launcher, provider, editor, signIn } = await startWithSignIn(t, { members })
  const file = join(launcher.directory, 'user', 'members.json')
  provider.tamper = (answer) => {
    const changed = members.map((one) => ({ ...one, proof: `${one.proof} now` }))
    writeFileSync(file, JSON.stringify(changed))
    return answer
  }
  const token = await signIn('olga')
  const flows = async (bearer: string | undefined) =>
    (await ask(`${editor}flows`, { headers: { authorization: `Bearer ${bearer}` } })).status
  t.equal(await flows(token), 401)
  t.equal(await flows(await signIn('olga')), 200, 'and the next one holds')
})

t.test('the address to come back to is one of those declared, whatever a header says', async (t) => {
  const { editor, identity } = await startWithSignIn(t, { members })
  const { port } = new URL(editor)
  const target = async (host: string) => {
    const { request } = await import('node:http')
    const location = await new Promise<string>((resolve, reject) => {
      const asked = request(
        { port, host: '127.0.0.1', path: '/auth/strategy', headers: { host } },
        (response) => {
          response.resume()
          resolve(response.headers.location ?? '')
        },
      )
      asked.on('error', reject).end()
    })
    return new URL(location).searchParams.get('redirect_uri')
  }
  for (const host of [`127.0.0.1:${port}`, 'evil.example', 'evil.example/..', '127.0.0.1', ''])
    t.equal(await target(host), identity.redirectUris[0], host)
  const at = (await new Visitor().open(`${editor}auth/strategy`, (location) => location.includes('/auth?')))
    .url
  t.match(Object.fromEntries(new URL(at).searchParams), {
    response_type: 'code',
    code_challenge_method: 'S256',
    code_challenge: /^[\w-]{43}$/,
    scope: 'openid',
  })
  const visitor = new Visitor()
  await tokenFor(editor, await signInToEditor(editor, 'olga', 'olga-password', visitor))
})
