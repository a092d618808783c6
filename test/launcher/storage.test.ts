import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { canonicalDigest } from '../../launcher/canonical-json.ts'
import { ask, member } from '../support/launcher.ts'
import { storedInstance, uid } from '../support/stored-instance.ts'
import { until } from '../support/until.ts'

const tab = (id: string) => [{ id, type: 'tab', label: id }]
const idsOf = (nodes: readonly { readonly id: string }[] | undefined) => nodes?.map(({ id }) => id)
/** Flows with a node that has credentials. */
const secretive = (id: string, password: string) => [
  ...tab(id),
  { id: `${id}-in`, type: 'http request', z: id, wires: [], credentials: { user: 'u', password } },
]

t.test('a deploy is in the store, credentials with it, and survives the death of Node-RED', async (t) => {
  const { start, deploy, store, running, killNodeRed, whileStopped, launcher, taken } =
    await storedInstance(t)
  await start()
  t.equal(await store.flows(uid), undefined, 'nothing is invented for an empty editor')
  const answer = await deploy(secretive('one', 'first password'))
  t.equal(answer.status, 200, answer.text)
  await killNodeRed()
  const stored = await store.flows(uid)
  t.match(stored, { savedBy: 'olga', nodes: /one-in/, credentials: /^\{"\$":"/ })
  t.notMatch(stored?.nodes, /password/)
  t.same(idsOf(await running()), ['one', 'one-in'])
  await whileStopped(() => {
    rmSync(join(launcher.directory, 'storage'), { recursive: true })
    rmSync(join(launcher.directory, 'user/flows.json'))
  })
  t.same(idsOf(await running()), ['one', 'one-in'], 'nothing on this disk is needed')
  t.equal(taken.length, 1)
  for (const name of ['flows.json', 'settings.json', 'sessions.json']) {
    const file = join(launcher.directory, 'storage', name)
    await until('the copy is written, for which no start waits', () => existsSync(file))
    t.equal(statSync(file).mode & 0o777, 0o600, name)
  }
  t.equal((await launcher.state()).flows, canonicalDigest(await running()), 'the launcher sees what runs')
})

t.test('a deploy on flows that the store has no more is a conflict', async (t) => {
  const { start, deploy, store, stored, running } = await storedInstance(t)
  await start()
  await deploy(tab('one'))
  const base = (await store.flows(uid))?.revision ?? ''
  const other = {
    nodes: JSON.stringify(tab('other')),
    credentials: '{}',
    revision: 'r',
    savedAt: 'now',
    base,
  }
  t.same(await store.saveFlows(uid, { ...other, revision: '0'.repeat(64) }), { saved: true })
  const refused = await deploy(secretive('mine', 'mine'))
  t.equal(refused.status, 409)
  t.equal(JSON.parse(refused.text).code, 'version_mismatch')
  t.same(idsOf(await stored()), ['other'])
  await until('the editor has what it conflicts with', async () => idsOf(await running())?.[0] === 'other')
  t.equal((await deploy(tab('merged'))).status, 200)
  t.same(idsOf(await stored()), ['merged'])
})

t.test('deploys made while the reconciler is away arrive later, in order', async (t) => {
  const { start, deploy, store, link, running, killNodeRed, launcher, taken, apart } = await storedInstance(t)
  await start()
  await deploy(tab('one'))
  link.mode = 'down'
  t.equal((await deploy(secretive('two', 'p'))).status, 200)
  t.equal((await deploy(tab('three'))).status, 200)
  t.match(launcher.console(), /\[warn\].*waits on this machine until the reconciler takes it/)
  await killNodeRed()
  t.same(idsOf(await running()), ['three'], 'it runs what was deployed last')
  t.equal((await deploy(secretive('four', 'p'))).status, 200)
  t.equal(taken.length, 1)
  link.mode = 'up'
  await until('they have arrived', () => taken.length === 4)
  t.same(
    taken.map((nodes) => JSON.parse(nodes)[0].id),
    ['one', 'two', 'three', 'four'],
  )
  t.match((await store.flows(uid))?.credentials, /\$/)
  t.same(apart(), [])
  await until('it is said', () => /has taken what waited/.test(launcher.console()))
  t.equal((await deploy(tab('five'))).status, 200)
  t.equal(taken.length, 5, 'and the next goes there at once')
})

t.test('a deploy whose answer was lost is not a conflict with itself', async (t) => {
  const { start, deploy, link, taken, stored, apart, launcher } = await storedInstance(t)
  await start()
  link.mode = 'deaf'
  t.equal((await deploy(tab('one'))).status, 200)
  t.equal((await deploy(tab('two'))).status, 200)
  link.mode = 'up'
  await until('all has arrived', () => /has taken what waited/.test(launcher.console()))
  t.same(idsOf(await stored()), ['two'])
  t.ok(taken.length >= 3, 'the first came twice at least')
  t.same(apart(), [])
})

t.test('a store that fails takes neither flows nor credentials, and both later', async (t) => {
  const { start, deploy, store, stored } = await storedInstance(t)
  await start()
  await deploy(secretive('one', 'first'))
  const before = await store.flows(uid)
  const save = store.saveFlows.bind(store)
  store.saveFlows = async () => Promise.reject(new Error('the disk is full'))
  t.equal((await deploy(secretive('two', 'second'))).status, 200)
  t.same(await store.flows(uid), before)
  store.saveFlows = save
  await until('the deploy has arrived', async () => idsOf(await stored())?.[0] === 'two')
  t.not((await store.flows(uid))?.credentials, before?.credentials)
})

t.test('a deploy that has become stale while it waited is kept, and blocks nothing', async (t) => {
  const { start, deploy, store, link, stored, running, apart, launcher } = await storedInstance(t)
  await start()
  await deploy(tab('one'))
  link.mode = 'down'
  await deploy(tab('mine'))
  const base = (await store.flows(uid))?.revision ?? ''
  const revision = '0'.repeat(64)
  await store.saveFlows(uid, {
    nodes: JSON.stringify(tab('other')),
    credentials: '{}',
    revision,
    savedAt: 'now',
    base,
  })
  link.mode = 'up'
  const [file = ''] = await until('it is set apart', () => apart().length === 1 && apart())
  t.match(file, /^\d{4}-.*-deploy-\d+-stale\.json$/)
  t.match(readFileSync(join(launcher.directory, 'storage/not-delivered', file), 'utf8'), '"mine"')
  await until('it is said', () => launcher.console().includes('was not taken: the store has other flows'))
  await until('the flows of the store run', async () => idsOf(await running())?.[0] === 'other')
  t.equal((await deploy(tab('next'))).status, 200)
  t.same(idsOf(await stored()), ['next'])
})

t.test('a deploy that the reconciler will never take is told to the editor', async (t) => {
  const { start, deploy, stored } = await storedInstance(t)
  await start()
  await deploy(tab('one'))
  // Node-RED itself takes five million bytes at most; this is what the door refuses and it does not.
  const refused = await deploy(JSON.parse('[{"id":"a","type":"tab","constructor":{"prototype":{}}}]'))
  t.equal(refused.status, 400)
  t.match(JSON.parse(refused.text), { code: 'deploy_refused', message: /nothing was deployed/ })
  t.same(idsOf(await stored()), ['one'])
  t.equal((await deploy(tab('two'))).status, 200)
})

t.test('sessions and settings survive, on this disk or in the store', async (t) => {
  const { start, editor, store, launcher, killNodeRed, whileStopped, signIn } = await storedInstance(t)
  await start()
  t.equal((await editor('POST', '/settings/user', { menu: 'kept' })).status, 204)
  await until('the store has both', async () => {
    const settings = await store.document(uid, 'settings')
    return /"menu":"kept"/.test(settings ?? '') && (await store.document(uid, 'sessions')) !== undefined
  })
  await killNodeRed()
  t.equal((await editor('GET', '/settings/user')).status, 200)
  await whileStopped(() => rmSync(join(launcher.directory, 'storage'), { recursive: true }))
  t.match(await editor('GET', '/settings/user'), { status: 200, text: /kept/ })
  const vera = await signIn('vera')
  const asVera = async () =>
    ask(`http://127.0.0.1:${launcher.port}/flows`, { headers: { authorization: `Bearer ${vera}` } })
  t.equal((await asVera()).status, 200)
  const { settings } = launcher.door
  if (settings === undefined) throw new Error('no settings')
  launcher.door.settings = { ...settings, digest: 'without vera', members: [member('olga', '*')] }
  await launcher.admin('POST', '/reload')
  t.equal((await asVera()).status, 401)
  await until('it is gone from the store', async () => {
    const sessions = (await store.document(uid, 'sessions')) ?? ''
    return !sessions.includes('"vera"') && sessions.includes('"olga"')
  })
})

t.test('the library is in the store, and no path leads out of it', async (t) => {
  const { start, editor, store, link } = await storedInstance(t)
  await start()
  const at = (path: string) => `/library/local/${path}`
  t.equal((await editor('POST', at('functions/a/double'), { outputs: 2, text: 'return msg' })).status, 204)
  t.equal((await editor('POST', at('flows/mine'), tab('x'))).status, 204)
  t.match(await store.libraryEntry(uid, 'functions', 'a/double'), {
    body: 'return msg',
    meta: '{"outputs":2}',
  })
  const look = async () => {
    t.same(JSON.parse((await editor('GET', at('functions/'))).text), ['a'])
    t.same(JSON.parse((await editor('GET', at('functions/a'))).text), [{ outputs: 2, fn: 'double' }])
    t.equal((await editor('GET', at('functions/a/double'))).text, 'return msg')
    t.same(JSON.parse((await editor('GET', at('flows/'))).text), [{ fn: 'mine.json' }])
    t.same(JSON.parse((await editor('GET', at('flows/mine'))).text), tab('x'))
  }
  await look()
  for (const path of [
    'functions/..%2f..%2fsettings.js',
    'functions/a%2f..',
    'functions/%2fetc%2fpasswd',
    'functions/a%00b',
  ]) {
    t.ok((await editor('GET', at(path))).status >= 400, path)
    t.ok((await editor('POST', at(path), { text: 'x' })).status >= 400, path)
  }
  t.equal((await store.library(uid, 'functions', '')).folders.length, 1)
  t.equal((await editor('GET', at('functions/nothing'))).status, 404)
  link.mode = 'down'
  await look()
  t.equal((await editor('POST', at('functions/late'), { text: 'x' })).status, 400)
})

t.test('flows that Git declares run, and a deploy over them lasts until the next start', async (t) => {
  const nodes = tab('declared')
  const flows = { digest: canonicalDigest(nodes), nodes }
  const { start, deploy, stored, running, launcher } = await storedInstance(t, { flows })
  await start()
  t.same(idsOf(await running()), ['declared'])
  await until('the store has them', async () => idsOf(await stored())?.[0] === 'declared')
  t.equal((await deploy(tab('drift'))).status, 200)
  t.equal((await launcher.state()).flows, canonicalDigest(await running()), 'the launcher sees it')
  t.not((await launcher.state()).flows, flows.digest)
  await launcher.admin('POST', '/reload')
  t.same(idsOf(await running()), ['declared'])
  t.equal((await launcher.state()).flows, flows.digest)
  await until('the store has them again', async () => idsOf(await stored())?.[0] === 'declared')
})

t.test('what Node-RED kept on its disk before is taken into the store', async (t) => {
  const { start, store, launcher, running, editor, link, deploy, taken } = await storedInstance(t)
  const user = join(launcher.directory, 'user')
  mkdirSync(join(user, 'lib/functions/a'), { recursive: true })
  writeFileSync(join(user, 'flows.json'), JSON.stringify(tab('old')))
  writeFileSync(join(user, 'flows_cred.json'), '{"$":"old"}')
  writeFileSync(join(user, '.config.users.json'), '{"olga":{"menu":"old"}}')
  writeFileSync(join(user, '.config.runtime.json'), '{"instanceId":"old-id"}')
  writeFileSync(join(user, 'lib/functions/a/one'), '// outputs: 2\n// info: a\\nb\nreturn msg\n// end')
  await start()
  t.same(idsOf(await running()), ['old'])
  const stored = await until('the flows are there', async () => store.flows(uid))
  t.match(stored, { nodes: /old/, credentials: '{"$":"old"}' })
  t.match(await editor('GET', '/settings/user'), { text: /old/ })
  await until('the settings are there', async () =>
    (await store.document(uid, 'settings'))?.includes('"instanceId":"old-id"'),
  )
  const entry = await until('the library is there', async () => store.libraryEntry(uid, 'functions', 'a/one'))
  t.same(entry.body, 'return msg\n// end')
  t.same(JSON.parse(entry.meta), { outputs: '2', info: 'a\nb' })
  await until('that is noted', () => existsSync(join(launcher.directory, 'storage/library-taken')))
  link.mode = 'down'
  await deploy(tab('new'))
  link.mode = 'up'
  await until('it arrives', () => taken.length === 2)
})

t.test('a start without the reconciler is on the last good copy', async (t) => {
  const { start, deploy, link, running, launcher, killNodeRed, editor } = await storedInstance(t)
  await start()
  await deploy(tab('one'))
  link.mode = 'down'
  await killNodeRed()
  t.same(idsOf(await running()), ['one'])
  t.match(launcher.console(), /the last ones on this machine: the reconciler cannot be reached/)
  t.equal((await editor('GET', '/settings/user')).status, 200, 'the session too')
})

t.test('the token stands in settings.js and nowhere that others see', async (t) => {
  const { start, launcher } = await storedInstance(t)
  await start()
  const { pid } = await launcher.state()
  for (const file of ['cmdline', 'environ'])
    t.notMatch(readFileSync(`/proc/${pid}/${file}`, 'utf8'), /runtime-token/, file)
  t.equal(statSync(join(launcher.directory, 'user/settings.js')).mode & 0o777, 0o600)
  t.notMatch(launcher.console(), /runtime-token/)
})
