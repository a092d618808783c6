import t, { type Test } from 'tap'
import { sha256 } from '../../reconciler/model/digest.ts'
import { basic, bearer, instanceToken, openDoors } from '../support/door-fixture.ts'

const headers = bearer(instanceToken)
const other = bearer('token-of-instance-wrapper')
const base = '/runtime/v1/storage'

/** The doors, and a second instance behind them. */
async function doors(t: Test) {
  const opened = await openDoors(t)
  await opened.store.allot({
    uid: 'uid-wrapper',
    name: 'wrapper',
    driver: 'localfs',
    tokenSha256: sha256('token-of-instance-wrapper'),
  })
  const get = async (path: string, as = headers) => opened.server.inject({ url: base + path, headers: as })
  const put = async (path: string, payload: object | string, more: object = {}) =>
    opened.server.inject({
      method: 'PUT',
      url: base + path,
      headers: { ...headers, 'content-type': 'application/json', ...more },
      payload,
    })
  return { ...opened, get, put }
}

const first = { nodes: [{ id: 'a', type: 'tab' }], credentials: { $: 'x' } }
const none = { 'if-none-match': '*' }

t.test('a deploy arrives whole, and names what the next one starts from', async (t) => {
  const { get, put } = await doors(t)
  t.equal((await get('/flows')).statusCode, 404)
  const saved = await put('/flows', { ...first, by: 'alice' }, none)
  t.equal(saved.statusCode, 200)
  const { revision } = saved.json()
  t.equal(saved.headers.etag, `"${revision}"`)
  const read = await get('/flows')
  t.match(read.json(), { ...first, revision, savedBy: 'alice', savedAt: /^2026-/ })
  t.equal(read.headers.etag, saved.headers.etag)
  const next = await put('/flows', { nodes: [], credentials: {} }, { 'if-match': `"${revision}"` })
  t.equal(next.statusCode, 200)
  t.notOk('savedBy' in (await get('/flows')).json())
  t.equal((await get('/flows', other)).statusCode, 404, 'it is no other instance’s')
})

t.test('a stale deploy is refused, a repeated one is not', async (t) => {
  const { get, put } = await doors(t)
  const { revision } = (await put('/flows', first, none)).json()
  const second = { ...first, credentials: { $: 'y' } }
  await put('/flows', second, { 'if-match': `"${revision}"` })
  const before = (await get('/flows')).json()
  for (const stale of [none, { 'if-match': `"${revision}"` }, { 'if-match': `"${'0'.repeat(64)}"` }])
    t.equal((await put('/flows', { nodes: [], credentials: {} }, stale)).statusCode, 412)
  t.same((await get('/flows')).json(), before)
  const again = await put('/flows', second, { 'if-match': `"${revision}"` })
  t.equal(again.statusCode, 200)
  t.equal(again.json().revision, before.revision)
})

t.test('a deploy that does not say what it starts from, or is none, changes nothing', async (t) => {
  const { get, put } = await doors(t)
  t.equal((await put('/flows', first)).statusCode, 428)
  t.equal((await put('/flows', first, { ...none, 'if-match': `"${'0'.repeat(64)}"` })).statusCode, 428)
  for (const match of ['*', 'W/"x"', '"', `"${'0'.repeat(64)}", "b"`])
    t.equal((await put('/flows', first, { 'if-match': match })).statusCode, 400, match)
  for (const payload of [
    '[]',
    'null',
    '{}',
    { nodes: first.nodes },
    { ...first, nodes: { a: 1 } },
    { ...first, nodes: ['a'] },
    { ...first, credentials: 'x' },
    { ...first, by: '' },
    '{"nodes":[{"__proto__":{}}],"credentials":{}}',
  ])
    t.equal((await put('/flows', payload, none)).statusCode, 400, JSON.stringify(payload))
  t.equal((await get('/flows')).statusCode, 404)
})

t.test('flows may be large, and nothing else', async (t) => {
  const { put } = await doors(t)
  const large = (bytes: number) => ({
    nodes: [{ id: 'a', func: 'x'.repeat(bytes) }],
    credentials: {},
  })
  t.equal((await put('/flows', large(19_000_000), none)).statusCode, 200)
  t.equal((await put('/flows', large(21_000_000), none)).statusCode, 413)
  t.equal((await put('/settings', { a: 'x'.repeat(3_000_000) }, none)).statusCode, 413)
  t.equal((await put('/library/flows?path=a', { meta: {}, body: 'x'.repeat(6_000_000) })).statusCode, 413)
})

t.test('settings and sessions come back as they were', async (t) => {
  const { get, put } = await doors(t)
  const value = { users: { _: { view: [1, null, { deep: 'ä' }] } }, instanceId: 'i' }
  for (const path of ['/settings', '/sessions']) {
    t.equal((await get(path)).statusCode, 404)
    t.equal((await get(path)).headers['weir-stored'], 'nothing')
    t.equal((await put(path, value)).statusCode, 428)
    const saved = await put(path, value, none)
    t.equal(saved.statusCode, 204)
    t.same((await get(path)).json(), value)
    t.equal((await get(path)).headers.etag, saved.headers.etag)
    t.equal((await get(path, other)).statusCode, 404)
    for (const payload of ['[]', 'null', '"x"']) t.equal((await put(path, payload, none)).statusCode, 400)
    for (const stale of [none, { 'if-match': `"${'0'.repeat(64)}"` }])
      t.equal((await put(path, { stale: true }, stale)).statusCode, 412)
    t.equal((await put(path, value, { 'if-match': `"${'0'.repeat(64)}"` })).statusCode, 204, 'again')
    t.same((await get(path)).json(), value)
  }
})

t.test('a library has folders and entries', async (t) => {
  const { get, put } = await doors(t)
  t.same((await get('/library/functions')).json(), { folders: [], entries: [] })
  for (const path of ['b/two', 'b/c/three', 'one', './b//two/'])
    t.equal(
      (await put(`/library/functions?path=${path}`, { meta: { name: path }, body: path })).statusCode,
      204,
    )
  t.same((await get('/library/functions')).json(), {
    folders: ['b'],
    entries: [{ name: 'one', meta: { name: 'one' } }],
  })
  t.same((await get('/library/functions?path=b/')).json(), {
    folders: ['c'],
    entries: [{ name: 'two', meta: { name: './b//two/' } }],
  })
  t.same((await get('/library/functions?path=b/c/three')).json(), {
    entry: { meta: { name: 'b/c/three' }, body: 'b/c/three' },
  })
  t.equal((await get('/library/functions?path=nothing')).statusCode, 404)
  t.equal((await get('/library/functions?path=one', other)).statusCode, 404)
  t.same((await get('/library/flows')).json(), { folders: [], entries: [] }, 'types are apart')
})

t.test('no path leads out of a library', async (t) => {
  const { get, put, store } = await doors(t)
  const outside = ['..', '../a', 'a/../../b', 'a/..', '/etc/passwd', '/', 'a\\..\\b', 'a\0b', 'a\nb']
  for (const path of [...outside, 'x'.repeat(2000), 'ä'.repeat(600)].map(encodeURIComponent)) {
    t.equal((await get(`/library/flows?path=${path}`)).statusCode, 400, path)
    t.equal((await put(`/library/flows?path=${path}`, { meta: {}, body: '' })).statusCode, 400, path)
  }
  for (const type of ['..', '%2e%2e', 'a%2fb', 'a.b', 'x'.repeat(65)])
    t.ok((await put(`/library/${type}?path=a`, { meta: {}, body: '' })).statusCode >= 400, type)
  t.equal((await put('/library/flows', { meta: {}, body: '' })).statusCode, 400, 'the library itself')
  t.same(await store.library('uid-press', 'flows', ''), { folders: [], entries: [] })
  t.same(await store.library('uid-wrapper', 'flows', ''), { folders: [], entries: [] })
})

t.test('a library takes what can be listed and read again', async (t) => {
  const { get, put } = await doors(t)
  const entry = { meta: {}, body: 'x' }
  t.equal((await put('/library/functions?path=a', entry)).statusCode, 204)
  t.equal((await put('/library/functions?path=a/b', entry)).statusCode, 409)
  t.equal(
    (await put('/library/functions?path=b', { ...entry, meta: { info: 'x'.repeat(5000) } })).statusCode,
    413,
  )
  for (const body of ['a\0b', 'a\ud800b'])
    t.equal((await put('/library/functions?path=b', { ...entry, body })).statusCode, 400)
  t.same((await get('/library/functions')).json(), { folders: [], entries: [{ name: 'a', meta: {} }] })
})

t.test('an instance that asks for too much has to wait, and no other', async (t) => {
  const { get } = await doors(t)
  for (let count = 0; count < 1200; count++) await get('/settings')
  const refused = await get('/settings')
  t.equal(refused.statusCode, 429)
  t.equal(refused.headers['retry-after'], '5')
  t.equal((await get('/settings', other)).statusCode, 404)
})

t.test('only instances come in', async (t) => {
  const { server, store } = await doors(t)
  for (const path of ['/flows', '/settings', '/sessions', '/library/flows'])
    for (const as of [basic('root'), bearer('nonsense'), {}]) {
      t.equal((await server.inject({ url: base + path, headers: as })).statusCode, 401)
      const payload = { ...first, meta: {}, body: '' }
      const answer = await server.inject({
        method: 'PUT',
        url: `${base + path}?path=a`,
        headers: { ...as, ...none },
        payload,
      })
      t.equal(answer.statusCode, 401)
    }
  t.equal(await store.flows('uid-press'), undefined)
})
