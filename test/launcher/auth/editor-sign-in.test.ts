import t from 'tap'
import { editorSession, signInToEditor, tokenFor } from '../../support/editor-session.ts'
import { prepareWithSignIn, startWithSignIn } from '../../support/launcher-with-sign-in.ts'
import { ask, member, settingsFor, startLauncher } from '../../support/launcher.ts'
import { until } from '../../support/until.ts'
import { Visitor } from '../../support/visitor.ts'

const members = [member('olga', '*'), member('vera', 'read'), member('dan', '')]

function bearer(token: string | undefined) {
  return { authorization: `Bearer ${token}` }
}

t.test('a visitor goes straight to sign in, comes back, and is known again without a question', async (t) => {
  const { provider, editor } = await startWithSignIn(t, { members })
  const login: { type: string; autoLogin: boolean } = JSON.parse((await ask(`${editor}auth/login`)).text)
  t.match(login, { type: 'strategy', autoLogin: true, loginRedirect: 'auth/strategy' })
  const visitor = new Visitor()
  const token = await editorSession(editor, 'olga', undefined, visitor)
  t.equal((await ask(`${editor}flows`, { headers: bearer(token) })).status, 200)
  const [first] = provider.asked.filter((line) => line === 'GET /auth')
  t.ok(first)
  const settings: { user: object } = JSON.parse(
    (await ask(`${editor}settings`, { headers: bearer(token) })).text,
  )
  t.match(settings.user, { username: 'olga', permissions: '*' })
  const asked = visitor.way.length
  const again = await signInToEditor(editor, 'olga', 'of no use', visitor)
  t.type(await tokenFor(editor, again), 'string')
  t.notOk(visitor.way.slice(asked).some((address) => address.includes('/interaction/')))
  const grant = { client_id: 'node-red-editor', grant_type: 'password', scope: '*', username: 'olga' }
  const body = new URLSearchParams({ ...grant, password: 'olga-password' })
  t.equal((await ask(`${editor}auth/token`, { method: 'POST', body })).status, 400, 'no password here')
})

t.test('who may not open the editor gets a page that says so, and no loop', async (t) => {
  const { provider, editor } = await startWithSignIn(t, { members })
  for (const [name, refusedThere] of [
    ['dan', false],
    ['nobody', false],
    ['mallory', true],
  ] as const) {
    if (refusedThere) provider.refused.add(name)
    const visitor = new Visitor()
    const page = await signInToEditor(editor, name, `${name}-password`, visitor)
    t.equal(page.status, 403, name)
    t.match(page.text, /not open to you/)
    t.match(page.headers.get('content-security-policy'), /default-src 'none'/)
    t.notMatch(page.text, /<script/)
    t.equal(visitor.way.filter((address) => address.includes('/auth/strategy')).length, 2, 'there and back')
    t.equal((await visitor.open(`${editor}auth/strategy?again`)).text.includes('password'), true)
  }
})

t.test('while the provider is away nobody new gets in, and sessions live on', async (t) => {
  const { launcher, provider, editor, signIn } = await startWithSignIn(t, { members })
  const olga = await signIn('olga')
  await provider.pause()
  const page = await new Visitor().open(`${editor}auth/strategy`)
  t.equal(page.status, 503)
  t.match(page.text, /<a href="\/auth\/strategy">Retry<\/a>/)
  t.ok(page.headers.get('retry-after'))
  t.equal((await ask(`${editor}flows`, { headers: bearer(olga) })).status, 200)
  t.equal((await ask(`${editor}flows`, { headers: bearer('vera-token') })).status, 200, 'declared tokens too')
  const { pid } = await launcher.state()
  process.kill(pid ?? 0, 'SIGKILL')
  await launcher.when('it is back', (state) => state.phase === 'running' && state.pid !== pid)
  t.equal((await ask(`${editor}flows`, { headers: bearer(olga) })).status, 200, 'and survive a restart')
  await provider.resume()
  t.type(await signIn('olga'), 'string')
})

t.test('who logs out is asked to sign out of the provider too, and next time who they are', async (t) => {
  const { provider, identity, editor } = await startWithSignIn(t, { members })
  const visitor = new Visitor()
  const token = await editorSession(editor, 'olga', undefined, visitor)
  const headers = { ...bearer(token), 'content-type': 'application/json' }
  const body = JSON.stringify({ token })
  const answer = await ask(`${editor}auth/revoke`, { method: 'POST', headers, body })
  t.strictSame(JSON.parse(answer.text), { redirect: '/_weir/sign-out' })
  t.equal((await ask(`${editor}flows`, { headers })).status, 401)
  const leave = async (how: Record<string, string>, method = 'GET') =>
    visitor.ask(`${editor}_weir/sign-out`, { method, headers: how })
  const left = await leave({ referer: editor })
  const there = `${provider.issuer}/session/end?client_id=${identity.clientId}`
  t.ok(left.headers.get('location')?.startsWith(there), 'on to the provider')

  // nobody answers the question there
  const signIn = async () => signInToEditor(editor, 'olga', 'olga-password', visitor)
  const page = await visitor.open(`${editor}auth/strategy`)
  t.match(page.text, /type="password"/, 'whoever comes next is asked')
  t.type(await tokenFor(editor, await signIn()), 'string')
  const asked = visitor.way.length
  t.type(await tokenFor(editor, await signIn()), 'string')
  t.notOk(
    visitor.way.slice(asked).some((address) => address.includes('/interaction/')),
    'and then known',
  )

  await provider.pause()
  const signedOut = async () => (await leave({ referer: editor })).status === 200
  await until('the outage is seen, which takes a second where many ask', signedOut)
  t.match(await leave({ referer: editor }), { status: 200, text: /signed out here/ })
})

t.test('nobody is signed out by a page from elsewhere', async (t) => {
  const { provider, editor } = await startWithSignIn(t, { members, endpoints: { access: 'members' } })
  const visitor = new Visitor()
  const form = await visitor.open(`${editor}nothing`)
  t.equal((await visitor.submit(form, { text: 'dan', password: 'dan-password' })).status, 404)
  const session = () => visitor.cookies.all().filter(({ name }) => name.startsWith('weir_session')).length
  const leave = async (headers: Record<string, string>, method = 'GET') =>
    visitor.ask(`${editor}_weir/sign-out`, { method, headers })
  const here = { referer: editor, origin: new URL(editor).origin }
  for (const [how, method] of [
    [{}, 'GET'],
    [{ referer: 'http://127.0.0.1:1/' }, 'GET'],
    [{ ...here, 'sec-fetch-site': 'same-site' }, 'GET'],
    [{ ...here, 'sec-fetch-site': 'cross-site' }, 'GET'],
    [{ ...here, 'sec-fetch-site': 'none' }, 'GET'],
    [{ origin: 'http://127.0.0.1:1' }, 'POST'],
    [{ origin: 'null' }, 'POST'],
  ] as const) {
    const page = await leave(how, method)
    t.match(page, { status: 200, text: /Sign out\?/ }, JSON.stringify([how, method]))
    t.equal(session(), 1)
  }
  const page = await leave({})
  const policy = String(page.headers.get('content-security-policy'))
  t.match(policy, `form-action 'self' ${new URL(provider.issuer).origin};`)
  const left = await visitor.submit(page, {}, (to) => to.includes('/session/end'))
  t.match(left.url, '/session/end?client_id=')
  t.equal(session(), 0)
  t.equal((await leave({ referer: 'x', 'sec-fetch-site': 'same-origin' })).status, 302)
})

t.test('without a provider the editor stays shut, and tokens go on', async (t) => {
  const { port } = await startLauncher(t, { members })
  const editor = `http://127.0.0.1:${port}/`
  t.equal((await new Visitor().open(`${editor}auth/strategy`)).status, 503)
  t.equal((await new Visitor().open(`${editor}auth/strategy/callback?code=a&state=b`)).status, 503)
  t.equal((await ask(`${editor}flows`)).status, 401)
  t.equal((await ask(`${editor}flows`, { headers: bearer('olga-token') })).status, 200)
})

t.test('machines read with a declared token, until it ends', async (t) => {
  const { launcher, provider, identity, editor } = await startWithSignIn(t, { members })
  const flows = async (token: string, method = 'GET') => {
    const headers = { ...bearer(token), 'content-type': 'application/json' }
    const body = method === 'POST' ? { body: '[]' } : {}
    return (await ask(`${editor}flows`, { method, headers, ...body })).status
  }
  t.equal(await flows('olga-token'), 200)
  t.equal(await flows('olga-token', 'POST'), 401, 'it reads, even an owner’s')
  t.equal(await flows('dan-token'), 401, 'without an editor there is nothing to read')
  t.equal(await flows('nobodys-token-of-some-length'), 401)
  t.ok(provider.asked.includes('POST /token/introspection'), 'the provider does not know it either')
  const olga = member('olga', '*')
  const tokens = (olga.tokens ?? []).map((token) => ({ ...token, expires: '2020-01-01T00:00:00Z' }))
  launcher.door.settings = settingsFor(launcher.port, {
    digest: 'digest-2',
    identity,
    members: [{ ...olga, tokens }],
  })
  t.match(JSON.parse((await launcher.admin('POST', '/reload')).text), { restarted: false })
  t.equal(await flows('olga-token'), 401)
})

t.test('who tries tokens is told when to come again, and flows see theirs', async (t) => {
  const { editor } = await startWithSignIn(t, { members })
  const present = async (path: string, token: string) =>
    fetch(`${editor}${path}`, { headers: bearer(token), redirect: 'manual' })
  for (let count = 0; count < 60; count += 1)
    t.equal((await present('flows', `token-of-nobody-${count}`)).status, 401)
  for (const path of ['flows', 'flow/x', 'settings/user']) {
    const answer = await present(path, 'another-token-of-nobody')
    t.equal(answer.status, 429, path)
    const wait = Number(answer.headers.get('retry-after'))
    t.ok(wait > 0 && wait <= 60)
  }
  t.equal((await present('hook', 'another-token-of-nobody')).status, 404)
  t.equal((await present('flows', 'olga-token')).status, 200)
})

t.test('a machine’s token opens no editor socket', async (t) => {
  const { launcher } = await startWithSignIn(t, { members })
  const socket = new WebSocket(`ws://127.0.0.1:${launcher.port}/comms`)
  const heard: string[] = []
  let closed = false
  socket.addEventListener('message', ({ data }) => heard.push(String(data)))
  socket.addEventListener('close', () => {
    closed = true
  })
  await new Promise((resolve) => socket.addEventListener('open', resolve))
  socket.send(JSON.stringify({ auth: 'olga-token' }))
  await until('it is sent away', () => closed)
  t.strictSame(heard, ['{"auth":"fail"}'])
})

t.test('a change of the provider restarts Node-RED', async (t) => {
  const { launcher, identity } = await prepareWithSignIn(t, { members })
  launcher.launch()
  await launcher.when('Node-RED runs', ({ phase }) => phase === 'running')
  const { settings } = launcher.door
  if (settings === undefined) throw new Error('no settings')
  launcher.door.settings = { ...settings, digest: 'digest-2', identity: { ...identity, clientSecret: 'new' } }
  t.match(JSON.parse((await launcher.admin('POST', '/reload')).text), { restarted: true })
})
