import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { prepareWithSignIn, startWithSignIn } from '../support/launcher-with-sign-in.ts'
import { ask, exited, member, settingsFor, startLauncher, withPassword } from '../support/launcher.ts'
import { until } from '../support/until.ts'

/** Opens the editor's socket, signs in on it, and keeps what it says. */
async function openComms(port: number, token: string | undefined) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/comms`)
  const heard: string[] = []
  let closed = false
  socket.addEventListener('message', ({ data }) => heard.push(String(data)))
  socket.addEventListener('close', () => {
    closed = true
  })
  await new Promise((resolve) => socket.addEventListener('open', resolve))
  socket.send(JSON.stringify(token === undefined ? { subscribe: 'notification/#' } : { auth: token }))
  return { heard, isClosed: () => closed }
}

t.test('who is no longer a member is out at once, without a restart', async (t) => {
  const [olga, vera, otto] = [member('olga', '*'), member('vera', 'read'), member('otto', '*')]
  const { launcher, identity, signIn } = await startWithSignIn(t, { members: [olga, vera, otto] })
  const { port, door, admin, state } = launcher
  const flows = async (token: string | undefined, method = 'GET') => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const body = method === 'POST' ? { body: '[]' } : {}
    return (await ask(`http://127.0.0.1:${port}/flows`, { method, headers, ...body })).status
  }
  const tokens = { olga: await signIn('olga'), vera: await signIn('vera'), otto: await signIn('otto') }
  t.strictSame(
    [await flows(tokens.olga), await flows(tokens.vera), await flows(tokens.otto)],
    [200, 200, 200],
  )
  const socket = await openComms(port, tokens.olga)
  const demoted = await openComms(port, tokens.otto)
  const stranger = await openComms(port, undefined)
  await until('both hear', () => [socket, demoted].every(({ heard }) => heard.includes('{"auth":"ok"}')))
  await until('a stranger is sent away', stranger.isClosed)
  t.strictSame(stranger.heard, ['{"auth":"fail"}'])

  const { pid } = await state()
  door.settings = settingsFor(port, {
    digest: 'digest-2',
    identity,
    members: [vera, { ...otto, permissions: 'read' }],
  })
  const { status, text } = await admin('POST', '/reload')
  t.equal(status, 200)
  t.match(JSON.parse(text), { restarted: false, state: { pid, phase: 'running', settings: 'digest-2' } })
  t.equal(await flows(tokens.olga), 401, 'removed')
  t.equal(await flows(tokens.vera), 200, 'stays')
  t.equal(await flows(tokens.otto, 'POST'), 401, 'may read only: the session of before is over')
  await until('the socket of the removed member is closed', socket.isClosed)
  await until('and that of the demoted one', demoted.isClosed)
  t.equal(await signIn('olga'), undefined)
  const again = await signIn('otto')
  t.equal(await flows(again), 200)
  t.equal(await flows(again, 'POST'), 401)
})

t.test('a session ends with what its user signed in by', async (t) => {
  const [olga, vera] = [member('olga', '*'), member('vera', 'read')]
  const { launcher, identity, signIn } = await prepareWithSignIn(t, { members: [olga, vera] })
  const { port, door, admin, directory } = launcher
  const earlier = { user: 'olga', client: 'node-red-editor', scope: '*', expires: Date.now() + 3_600_000 }
  const user = join(directory, 'user')
  mkdirSync(user)
  writeFileSync(
    join(user, '.sessions.json'),
    JSON.stringify({ earlier: { ...earlier, accessToken: 'earlier' } }),
  )
  launcher.launch()
  await launcher.when('Node-RED runs', ({ phase }) => phase === 'running')
  const flows = async (token: string | undefined) =>
    (await ask(`http://127.0.0.1:${port}/flows`, { headers: { authorization: `Bearer ${token}` } })).status
  t.equal(await flows('earlier'), 401, 'one that an earlier version began')
  const tokens = { olga: await signIn('olga'), vera: await signIn('vera') }
  const { pid } = await launcher.state()
  process.kill(pid ?? 0, 'SIGKILL')
  await launcher.when('it is back', (state) => state.phase === 'running' && state.pid !== pid)
  t.strictSame([await flows(tokens.olga), await flows(tokens.vera)], [200, 200], 'it is kept with them')
  const socket = await openComms(port, tokens.olga)
  const other = await openComms(port, tokens.vera)
  await until('both hear', () => [socket, other].every(({ heard }) => heard.includes('{"auth":"ok"}')))

  const members = [{ ...olga, proof: 'a new password' }, vera]
  door.settings = settingsFor(port, { digest: 'digest-2', identity, members })
  t.match(JSON.parse((await admin('POST', '/reload')).text), { restarted: false })
  t.equal(await flows(tokens.olga), 401)
  await until('the socket is closed', socket.isClosed)
  t.equal(await flows(tokens.vera), 200, 'and nobody else’s')
  t.equal(other.isClosed(), false)
  t.equal(await flows(await signIn('olga')), 200)
})

t.test('rights end while there are no settings, and none begin', async (t) => {
  const [olga, vera, otto] = [member('olga', '*'), member('vera', 'read'), member('otto', '*')]
  const launcher = await startLauncher(t, { base: 'base-1', members: [olga, vera, otto] })
  const { port, door, admin, state, directory, launch, process } = launcher
  const { pid } = await state()
  const rights = () => JSON.parse(readFileSync(join(directory, 'user/members.json'), 'utf8'))
  const reads = async (name: string) => {
    const headers = { authorization: `Bearer ${name}-token` }
    return (await ask(`http://127.0.0.1:${port}/flows`, { headers })).status === 200
  }
  t.ok(await reads('olga'))
  const members = [
    { ...vera, permissions: '*' as const },
    { ...otto, permissions: 'read' as const, proof: 'a new password', tokens: [{ sha256: 'another' }] },
    member('eve', '*'),
  ]
  const { tokens: _, ...otherwise } = otto
  const left = [vera, { ...otherwise, permissions: 'read' as const, proof: 'a new password' }]
  const settingsFile = join(directory, 'user/settings.js')
  writeFileSync(settingsFile, `${readFileSync(settingsFile, 'utf8')}// edited`)
  door.members = { uid: 'uid-1', digest: 'digest-2', base: 'base-1', members }
  t.equal((await admin('POST', '/reload')).status, 502, 'it lacks what is new')
  t.match(await state(), { pid, settings: 'digest-1' })
  t.same(rights(), left, 'nobody may more than before, and nobody is new')
  t.notOk(await reads('olga'))

  door.members = { ...door.members, members: left }
  const told = await admin('POST', '/reload')
  t.match(JSON.parse(told.text), { restarted: false, state: { pid, settings: 'digest-2' } })
  t.match(await state(), { settingsFile: 'changed' }, 'other drift is left as it is')

  door.members = { ...door.members, digest: 'digest-3', base: 'base-3', members: left.slice(0, 1) }
  t.equal((await admin('POST', '/reload')).status, 502, 'it lacks more than that')
  t.same(rights(), [vera])
  t.match(await state(), { pid, phase: 'running', settings: 'digest-2' })

  process.kill('SIGKILL')
  await exited(process)
  door.members = { ...door.members, members: [] }
  launch()
  await launcher.when('it runs again', ({ phase }) => phase === 'running')
  t.same(rights(), [])
  t.notOk(await reads('vera'), 'also from the last settings')
})

t.test('endpoints with a password want a member, whatever the role', async (t) => {
  const flow = [
    { id: 'tab', type: 'tab', label: 'Flow' },
    { id: 'in', type: 'http in', z: 'tab', url: '/hello', method: 'get', wires: [['out']] },
    { id: 'out', type: 'http response', z: 'tab', wires: [] },
  ]
  const dan = await withPassword(member('dan', ''))
  const { canonicalDigest } = await import('../../launcher/canonical-json.ts')
  const { port, door, admin } = await startLauncher(t, {
    members: [dan],
    endpoints: { access: 'basic' },
    flows: { digest: canonicalDigest(flow), nodes: flow },
  })
  const hello = async (user?: string) => {
    const headers = user === undefined ? {} : { authorization: `Basic ${btoa(user)}` }
    return (await ask(`http://127.0.0.1:${port}/hello`, { headers })).status
  }
  await until('the flow answers', async () => (await hello('dan:dan-password')) === 200)
  t.equal(await hello(), 401)
  t.equal(await hello('dan:wrong'), 401)
  t.equal(await hello('nobody:dan-password'), 401)
  t.equal(await hello('dan:dan-password'), 200)
  door.settings = { ...settingsFor(port), ...door.settings, digest: 'digest-2', members: [] }
  t.match(JSON.parse((await admin('POST', '/reload')).text), { restarted: false })
  t.equal(await hello('dan:dan-password'), 401)
})
