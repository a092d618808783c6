import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import t, { type Test } from 'tap'

interface Answer {
  readonly kind: 'answer' | 'unreachable'
  readonly tag?: string
}
interface Door {
  readonly ask: (method: string, path: string, more?: object) => Promise<Answer>
}
const { createDoor } = createRequire(import.meta.url)('../../launcher/plugins/storage/door.cjs')

interface Reply {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** Bytes come so slowly that all of them take long. */
  readonly slowly?: boolean
}

async function doorThatSays(t: Test, reply: Reply): Promise<Door> {
  const server = createServer((_request, response) => {
    const { status, headers = {}, body = '', slowly = false } = reply
    response.writeHead(status, headers)
    if (!slowly) return response.end(body)
    const left = Array.from(body)
    const dripping = setInterval(() => {
      response.write(left.shift() ?? '')
      if (left.length > 0) return
      clearInterval(dripping)
      response.end()
    }, 5)
    response.on('close', () => clearInterval(dripping))
    return response
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return createDoor({ url: `http://127.0.0.1:${address.port}`, token: 'token' })
}

const problem = { 'content-type': 'application/problem+json; charset=utf-8' }

t.test('only what the reconciler itself says counts', async (t) => {
  const marked = { ...problem, 'weir-stored': 'nothing' }
  const cases: readonly (readonly [string, Reply, Answer['kind']])[] = [
    ['GET', { status: 200, body: '{}', headers: { etag: '"tag"' } }, 'answer'],
    ['GET', { status: 404, body: '{}', headers: marked }, 'answer'],
    ['GET', { status: 404, body: '{}', headers: problem }, 'unreachable'],
    ['GET', { status: 404 }, 'unreachable'],
    ['GET', { status: 200, body: '<html>' }, 'unreachable'],
    ['PUT', { status: 404, headers: marked }, 'unreachable'],
    ['PUT', { status: 204 }, 'answer'],
    ['PUT', { status: 412, body: '{}', headers: problem }, 'answer'],
    ['PUT', { status: 400, body: '{}', headers: problem }, 'answer'],
    ['PUT', { status: 400, body: '{}' }, 'unreachable'],
    ['PUT', { status: 413, body: '<html>', headers: { 'content-type': 'text/html' } }, 'unreachable'],
  ]
  for (const [method, reply, kind] of cases) {
    const door = await doorThatSays(t, reply)
    t.equal((await door.ask(method, '/flows')).kind, kind, `${method} ${JSON.stringify(reply)}`)
  }
  for (const status of [301, 304, 401, 403, 405, 408, 429, 431, 500, 502, 503])
    for (const method of ['GET', 'PUT']) {
      const door = await doorThatSays(t, { status, headers: problem, body: status === 304 ? '' : '{}' })
      t.equal((await door.ask(method, '/flows')).kind, 'unreachable', `${method} ${status}`)
    }
  const door = await doorThatSays(t, { status: 200, body: '{}', headers: { etag: '"tag"' } })
  t.equal((await door.ask('GET', '/flows')).tag, 'tag')
})

t.test('an answer may take as long as whoever asked will wait', async (t) => {
  const door = await doorThatSays(t, { status: 200, body: `{"a":"${'x'.repeat(50)}"}`, slowly: true })
  t.equal((await door.ask('GET', '/flows', { timeoutMs: 50 })).kind, 'unreachable')
  t.equal((await door.ask('GET', '/flows', { timeoutMs: 60_000 })).kind, 'answer')
})
