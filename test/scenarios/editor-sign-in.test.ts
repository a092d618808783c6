import t from 'tap'
import { hashPassword } from '../../reconciler/identity/passwords.ts'
import { sha256 } from '../../reconciler/model/digest.ts'
import { editorSession, signInToEditor } from '../support/editor-session.ts'
import { end, instanceManifest, password, passwordHash, platform, setUpFleet } from '../support/fleet.ts'
import { until } from '../support/until.ts'
import { Visitor } from '../support/visitor.ts'

/** Read tokens of alice, by the text that each is: what it is for. */
const tokens = { 'for-all': '', 'for-status': ', for: [status]', 'for-instances': ', for: [instances]' }
const declared = Object.entries(tokens).map(
  ([token, use]) => `{ name: ${token}, sha256: ${sha256(token)}${use} }`,
)

t.test('people sign in to an editor at the reconciler, for as long as Git names them', async (t) => {
  const fleet = await setUpFleet(t)
  const { repository } = fleet
  await repository.write('press.yaml', instanceManifest('press', 'endpoints: { access: members }'))
  const withTokens = platform.replace('{ admin: true,', `{ admin: true, tokens: [${declared.join(', ')}],`)
  await repository.write('platform.yaml', withTokens)
  await repository.commit('One instance')
  const server = await fleet.serve()
  const editor = String((await fleet.ready('press'))['url'])
  const flows = async (token: string | undefined, method = 'GET') => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const body = method === 'POST' ? { body: '[]' } : {}
    return (await fetch(`${editor}flows`, { method, headers, ...body })).status
  }
  const status = async (token: string) =>
    (await fetch(`${fleet.url}/api/v1/fleet`, { headers: { authorization: `Bearer ${token}` } })).status
  t.strictSame([await status('for-all'), await flows('for-all')], [200, 200])
  t.strictSame([await status('for-status'), await flows('for-status')], [200, 401])
  t.strictSame([await status('for-instances'), await flows('for-instances')], [401, 200])

  const alice = await editorSession(editor, 'alice', password)
  t.equal(await flows(alice, 'POST'), 204)
  const bob = await editorSession(editor, 'bob', password)
  t.strictSame([await flows(bob), await flows(bob, 'POST')], [200, 401])
  t.equal(await editorSession(editor, 'alice', 'wrong'), undefined)

  const visitor = new Visitor()
  const form = await visitor.open(`${editor}somewhere?a=1`)
  const back = await visitor.submit(form, { text: 'bob', password })
  t.match(back, { status: 404, url: `${editor}somewhere?a=1` }, 'endpoints too, by the same door')

  const hash = await hashPassword('another password', { bcrypt: 4 })
  const changed = withTokens.replace(passwordHash, hash)
  await repository.write('platform.yaml', changed)
  await repository.commit('alice has another password')
  await until('what began with the former one has ended', async () => (await flows(alice)) === 401)
  t.equal(await flows(bob), 200, 'and nothing else')
  const again = await editorSession(editor, 'alice', 'another password')
  t.equal(await flows(again, 'POST'), 204)

  await repository.write('platform.yaml', changed.replace(', { user: bob, role: viewer }', ''))
  await repository.commit('bob leaves')
  await until('the session of bob has ended', async () => (await flows(bob)) === 401)
  const page = await signInToEditor(editor, 'bob', password, new Visitor())
  t.equal(page.status, 403)
  t.equal(await flows(again), 200)
  await end(server, 'SIGTERM')
  const opened = async () => new Visitor().open(`${editor}auth/strategy`).catch(() => undefined)
  await until(
    'the outage is seen, which takes a second where many ask',
    async () => (await opened())?.status === 503,
  )
  t.equal(await flows(again), 200, 'who is signed in works on')
})
