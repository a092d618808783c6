import { createServer } from 'node:http'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { startPostgres, withoutPostgres } from '../engines/postgres.ts'
import { ChildLines } from '../support/child-lines.ts'
import { openPostgres } from '../support/open-postgres.ts'
import { severableLink, type SeverableLink } from '../support/severable-link.ts'
import { until } from '../support/until.ts'

const child = join(import.meta.dirname, '../support/leader-child.ts')

/** An engine that takes a call of no term before the highest that it has seen, as whoever checks a fencing counter does. */
async function fencedEngine(t: Test) {
  const taken: { readonly term: number; readonly by: string }[] = []
  const late: typeof taken = []
  const server = createServer((request, response) => {
    const [, term, by = ''] = (request.url ?? '').split('/')
    const call = { term: Number(term), by }
    const stale = call.term < (taken.at(-1)?.term ?? 0)
    ;(stale ? late : taken).push(call)
    response.writeHead(stale ? 409 : 204).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return { url: `http://127.0.0.1:${address.port}`, taken, late }
}

t.test('of several reconcilers one acts', { skip: withoutPostgres }, async (t) => {
  const server = await startPostgres(t)
  const url = await server.createDatabase()
  const engine = await fencedEngine(t)
  const links: SeverableLink[] = []
  t.teardown(async () => {
    for (const link of links) await link[Symbol.asyncDispose]()
  })
  const start = async (name: string) => {
    const link = await severableLink(`http://127.0.0.1:${server.port}`)
    links.push(link)
    const own = url.replace(`:${server.port}/`, `:${new URL(link.url).port}/`)
    const lines = new ChildLines(t, process.execPath, [child, own, engine.url, name])
    const says = async (expected: string): Promise<void> => {
      for (let line = await lines.line(); line !== expected; line = await lines.line())
        if (line === undefined) throw new Error(`${name} ended before it said ${expected}`)
    }
    return { link, says, process: lines.process, kill: async () => lines.kill() }
  }
  const acts = async (term: number, by: string) =>
    until(`${by} acts in term ${term}`, () =>
      engine.taken.some((call) => call.term === term && call.by === by),
    )

  const a = await start('a')
  await a.says('leading 1')
  await acts(1, 'a')
  const b = await start('b')
  await b.says('following 1')

  t.comment('held still')
  a.process.kill('SIGSTOP')
  await b.says('leading 2')
  await acts(2, 'b')
  a.process.kill('SIGCONT')
  await a.says('lost 1')
  await a.says('following 2')

  t.comment('cut off')
  b.link.cut()
  await b.says('lost 2')
  await a.says('leading 3')
  await acts(3, 'a')
  b.link.mode = 'up'
  await b.says('following 3')

  t.comment('cut off without a word')
  a.link.mode = 'silent'
  await a.says('lost 3')
  await b.says('leading 4')
  await acts(4, 'b')
  a.link.mode = 'up'
  await a.says('following 4')

  t.comment('killed')
  await b.kill()
  await a.says('leading 5')
  await acts(5, 'a')

  t.comment('ended')
  const c = await start('c')
  await c.says('following 5')
  a.process.kill('SIGTERM')
  await a.says('ended')
  await c.says('leading 6')
  await acts(6, 'c')
  c.process.kill('SIGTERM')
  await c.says('ended')

  const holders = new Map(engine.taken.map(({ term, by }) => [term, by]))
  t.same([...holders.values()], ['a', 'b', 'a', 'b', 'a', 'c'])
  for (const { term, by } of engine.taken) if (holders.get(term) !== by) t.fail(`${by} acted in term ${term}`)
  t.ok(engine.late.length <= 1, 'a call that was under way when its process was held still, and no more')
  await using store = await openPostgres(url)
  const terms: number[] = []
  for await (const { user } of store.auditRows()) terms.push(Number(user))
  t.same(
    terms,
    terms.toSorted((one, other) => one - other),
    'no term wrote after a later one',
  )
  t.same([...new Set(terms)], [1, 2, 3, 4, 5, 6])
})
