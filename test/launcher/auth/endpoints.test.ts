import { get } from 'node:http'
import t from 'tap'
import { hash as argon2 } from '@node-rs/argon2'
import { canonicalDigest } from '../../../launcher/canonical-json.ts'
import { openSocket as openSocketAt } from '../../support/endpoint-door.ts'
import { prepareWithSignIn, startWithSignIn } from '../../support/launcher-with-sign-in.ts'
import { ask, member, startLauncher, withPassword } from '../../support/launcher.ts'
import { until } from '../../support/until.ts'
import { Visitor } from '../../support/visitor.ts'

/** `/hello` says which of our secrets a flow sees, `/hello` takes posts, `/ws/echo` is a socket. */
const nodes = [
  { id: 'tab', type: 'tab', label: 'Flow' },
  { id: 'in', type: 'http in', z: 'tab', url: '/hello', method: 'get', wires: [['what']] },
  { id: 'takes', type: 'http in', z: 'tab', url: '/hello', method: 'post', wires: [['what']] },
  {
    id: 'what',
    type: 'function',
    z: 'tab',
    func: `const { headers, rawHeaders } = msg.req
      const secret = (text) => /weir_|bearer|basic/i.test(text)
      msg.payload = "hello " + [...Object.values(headers), ...rawHeaders].filter(secret).join()
      return msg`,
    outputs: 1,
    wires: [['out']],
  },
  { id: 'out', type: 'http response', z: 'tab', wires: [] },
  { id: 'listener', type: 'websocket-listener', path: '/ws/echo', wholemsg: 'false' },
  { id: 'ws-in', type: 'websocket in', z: 'tab', server: 'listener', client: '', wires: [['ws-out']] },
  { id: 'ws-out', type: 'websocket out', z: 'tab', server: 'listener', client: '', wires: [] },
]
const flows = { digest: canonicalDigest(nodes), nodes }
const members = [member('olga', '*'), member('dan', '')]

const openSocket = async (port: number, headers: Record<string, string>) =>
  openSocketAt(port, headers, '/ws/echo')

t.test('endpoints for members: browsers sign in, machines bring a token', async (t) => {
  const { launcher, provider, identity, editor } = await startWithSignIn(t, {
    members,
    endpoints: { access: 'members' },
    flows,
  })
  const hello = `${editor}hello`
  const machine = async (token: string, init: RequestInit = {}) =>
    (await ask(hello, { ...init, headers: { authorization: `Bearer ${token}` } })).status
  await until('the flow answers', async () => (await machine('dan-token')) === 200)
  t.equal(await machine('wrong-token-of-some-length'), 401)
  t.equal(await machine('dan-token', { method: 'POST' }), 200)
  const seen = await ask(hello, { headers: { authorization: 'Bearer dan-token' } })
  t.equal(seen.text, 'hello ', 'nor the token')

  const stranger = await fetch(hello, { redirect: 'manual' })
  t.equal(stranger.status, 401, 'no browser that opens a page')
  t.match(stranger.headers.get('www-authenticate'), /^Bearer /)
  t.equal((await new Visitor().ask(hello, { method: 'POST' })).status, 401)

  const visitor = new Visitor()
  const form = await visitor.open(`${hello}?a=1&b=ü`)
  const page = await visitor.submit(form, { text: 'dan', password: 'dan-password' })
  t.match(page, { status: 200, url: `${hello}?a=1&b=%C3%BC` })
  t.equal(page.text, 'hello ', 'and flows do not see by what')
  const asked = visitor.way.length
  t.equal((await visitor.open(hello)).status, 200)
  t.equal(visitor.way.length, asked + 1, 'the session is known')
  const [session] = visitor.cookies.all().filter(({ name }) => name.startsWith('weir_session'))
  t.match(session, { path: '/' })

  const port = launcher.port
  const elsewhere = { origin: 'http://127.0.0.1:1' }
  t.equal(
    (await visitor.ask(hello, { method: 'POST', headers: { origin: `http://127.0.0.1:${port}` } })).status,
    200,
  )
  t.equal((await visitor.ask(hello, { method: 'POST', headers: elsewhere })).status, 401, 'from another page')
  const cookie = String(visitor.headersFor(editor).cookie)
  t.equal((await openSocket(port, {})).status, 401)
  t.equal((await openSocket(port, { cookie, ...elsewhere })).status, 401)
  const sockets = [
    await openSocket(port, { cookie, origin: `http://127.0.0.1:${port}` }),
    await openSocket(port, { authorization: 'Bearer dan-token' }),
  ]
  t.strictSame(
    sockets.map(({ status }) => status),
    [101, 101],
  )
  const olga = await openSocket(port, { authorization: 'Bearer olga-token' })

  await provider.pause()
  t.equal((await visitor.open(hello)).status, 200, 'sessions live on while the provider is away')
  const refused = await new Visitor().open(hello)
  t.equal(refused.status, 503)
  t.match(refused.text, /<a href="\/hello">Retry<\/a>/)
  await provider.resume()

  const { settings } = launcher.door
  if (settings === undefined) throw new Error('no settings')
  launcher.door.settings = { ...settings, digest: 'without dan', members: members.slice(0, 1) }
  t.match(JSON.parse((await launcher.admin('POST', '/reload')).text), { restarted: false })
  t.equal(await machine('dan-token'), 401)
  await until('both sockets are closed', () => sockets.every(({ closed }) => closed()))
  t.equal(olga.closed(), false, 'and nobody else’s')
  const again = await visitor.open(hello)
  t.equal(again.status, 403)
  t.match(again.text, /not open to you/)
  t.equal(identity.redirectUris.length, 2)
})

t.test('who signs in by something else is out at the endpoints, with their sockets', async (t) => {
  const { launcher, provider, identity, editor } = await startWithSignIn(t, {
    members,
    endpoints: { access: 'members' },
    flows,
  })
  const { port, door } = launcher
  const hello = `${editor}hello`
  let issued = ''
  provider.tamper = (answer) => {
    issued = String(answer['access_token'])
    return answer
  }
  const visitor = new Visitor()
  await visitor.submit(await visitor.open(hello), { text: 'dan', password: 'dan-password' })
  const asDan = { authorization: `Bearer ${issued}` }
  const known = async () => [
    (await visitor.ask(hello, { headers: { accept: '*/*' } })).status,
    (await ask(hello, { headers: asDan })).status,
  ]
  await until('the flow answers', async () => (await known()).every((status) => status === 200))
  const cookie = String(visitor.headersFor(editor).cookie)
  const sockets = [await openSocket(port, { cookie }), await openSocket(port, asDan)]
  t.strictSame(
    sockets.map(({ status }) => status),
    [101, 101],
  )
  const olga = await openSocket(port, { authorization: 'Bearer olga-token' })

  const { settings } = door
  if (settings === undefined) throw new Error('no settings')
  const changed = members.map((one) => (one.username === 'dan' ? { ...one, proof: 'a new password' } : one))
  door.settings = { ...settings, digest: 'digest-2', members: changed }
  t.match(JSON.parse((await launcher.admin('POST', '/reload')).text), { restarted: false })
  t.strictSame(await known(), [401, 401])
  await until('both sockets are closed', () => sockets.every(({ closed }) => closed()))
  t.equal(olga.closed(), false, 'and nobody else’s')
  t.equal((await visitor.open(hello)).status, 200, 'the provider knows them')

  door.settings = { ...door.settings, digest: 'digest-3', identity: { ...identity, sessionHours: 0.5 } }
  t.match(JSON.parse((await launcher.admin('POST', '/reload')).text), { restarted: true })
  const [begun] = await sessionCookie(editor)
  t.match(begun, /; Max-Age=1800;/, 'as long as the configuration says')
})

/** The line that a sign-in sets the session with. */
async function sessionCookie(editor: string) {
  const visitor = new Visitor()
  const atCallback = (to: string) => to.includes('/_weir/callback')
  const form = await visitor.open(`${editor}hello`)
  const back = await visitor.submit(form, { text: 'dan', password: 'dan-password' }, atCallback)
  const { headers } = await visitor.ask(back.url)
  return headers.getSetCookie().filter((line) => line.startsWith('weir_session'))
}

t.test('sign-in leads back to this instance alone', async (t) => {
  const { launcher, editor } = await prepareWithSignIn(t, {
    members,
    endpoints: { access: 'members' },
    flows,
  })
  launcher.launch()
  await launcher.when('Node-RED runs', ({ phase }) => phase === 'running')
  for (const path of ['//evil.example/a', '/\\evil.example/a', '//evil.example']) {
    const visitor = new Visitor()
    const location = await new Promise<string>((resolve, reject) => {
      const asked = get(
        { port: launcher.port, host: '127.0.0.1', path, headers: { accept: 'text/html' } },
        (response) => {
          response.resume()
          const url = new URL(`http://127.0.0.1:${launcher.port}/`)
          visitor.cookies.take(url, response.headers['set-cookie'] ?? [])
          resolve(response.headers.location ?? '')
        },
      )
      asked.on('error', reject)
    })
    t.ok(location, path)
    const back = await visitor.submit(
      await visitor.open(location),
      { text: 'dan', password: 'dan-password' },
      (to) => !to.includes('/identity/') && !to.includes('/_weir/'),
    )
    t.equal(back.url, editor, path)
  }
})

t.test('endpoints with a password take argon2id and bcrypt, with nobody else about', async (t) => {
  const dan = await withPassword(member('dan', ''))
  const olga = { ...member('olga', '*'), passwordHash: await argon2('olga-password') }
  const { port, door } = await startLauncher(t, {
    members: [dan, olga],
    endpoints: { access: 'basic' },
    flows,
  })
  const hello = async (user: string) => {
    const headers = { authorization: `Basic ${btoa(user)}` }
    return (await ask(`http://127.0.0.1:${port}/hello`, { headers })).status
  }
  await until('the flow answers', async () => (await hello('dan:dan-password')) === 200)
  door.status = 503
  t.equal(await hello('olga:olga-password'), 200)
  t.equal(await hello('olga:dan-password'), 401)
  t.equal(await hello('dan:olga-password'), 401)
  const answer = await fetch(`http://127.0.0.1:${port}/hello`, { headers: { accept: 'text/html' } })
  t.equal(answer.status, 401)
  t.match(answer.headers.get('www-authenticate'), /^Basic /)
  t.equal((await openSocket(port, {})).status, 401)
  const authorization = `Basic ${btoa('olga:olga-password')}`
  t.equal((await openSocket(port, { authorization })).status, 101)
  const elsewhere = { authorization, origin: 'https://evil.example.com' }
  const posted = await ask(`http://127.0.0.1:${port}/hello`, { method: 'POST', headers: elsewhere })
  t.match(posted, { status: 403, text: /endpoints\.cors\.origins/ })
  t.equal((await openSocket(port, elsewhere)).status, 403)

  door.status = 200
  let guesses = 0
  await until('who guesses has to wait', async () => (await hello(`olga:guess ${(guesses += 1)}`)) === 429)
  t.equal((await openSocket(port, { authorization: `Basic ${btoa('olga:guess')}` })).status, 429)
  t.equal(await hello('olga:olga-password'), 200, 'and who is right has not')
  await until('the trail is told', () =>
    ['endpoints: failed from 127.0.0.1', 'endpoints: limited from 127.0.0.1'].every((target) =>
      door.events.some((one) => one.target === target),
    ),
  )
})
