import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { auditConformance, headOf } from '../conformance/audit-conformance.ts'
import { identityConformance } from '../conformance/identity-conformance.ts'
import { storageConformance } from '../conformance/storage-conformance.ts'
import { rejectsWith, storeConformance } from '../conformance/store-conformance.ts'
import { turnsConformance } from '../conformance/turns-conformance.ts'
import { startPostgres, withoutPostgres } from '../engines/postgres.ts'
import { applied } from '../support/inventory-fixtures.ts'
import { ChildLines } from '../support/child-lines.ts'
import { openPostgres as open } from '../support/open-postgres.ts'
import { until } from '../support/until.ts'

const child = join(import.meta.dirname, '../support/store-child.ts')

t.test('PostgreSQL keeps what every store keeps', { skip: withoutPostgres }, async (t) => {
  const server = await startPostgres(t)
  const openNew = async (_t: Test) => open(await server.createDatabase())
  storeConformance(t, openNew)
  storageConformance(t, openNew)
  auditConformance(t, openNew)
  identityConformance(t, openNew)
  turnsConformance(t, openNew)
})

t.test('a database', { skip: withoutPostgres }, async (t) => {
  const server = await startPostgres(t)

  t.test('what was written is there after closing, under the same fleet', async (t) => {
    const url = await server.createDatabase()
    const fleets = []
    for (const name of ['a', 'b']) {
      await using store = await open(url)
      await store.allot({ uid: name, name, driver: 'localfs', tokenSha256: name })
      fleets.push(store.fleet)
    }
    await using store = await open(url, true)
    t.same(
      (await store.inventory()).map(({ name }) => name),
      ['a', 'b'],
    )
    t.same(
      [store.fleet, ...fleets],
      Array.from({ length: 3 }, () => store.fleet),
    )
  })

  t.test('read-only', async (t) => {
    const url = await server.createDatabase()
    {
      await using empty = await open(url, true)
      t.equal(empty.fleet, '')
      t.same(await empty.inventory(), [])
      t.same(await server.query(`SELECT * FROM pg_tables WHERE schemaname = 'public'`, url), [])
    }
    await using writer = await open(url)
    await writer.allot({ uid: 'u', name: 'n', driver: 'localfs', tokenSha256: 't' })
    await using reader = await open(url, true)
    t.equal((await reader.inventory()).length, 1)
    await writer.allot({ uid: 'v', name: 'm', driver: 'localfs', tokenSha256: 'v' })
    t.equal((await reader.inventory()).length, 2, 'what a writer does meanwhile is seen')
    await rejectsWith(t, reader.forget('u'), 'store-unreachable', /read-only transaction/)
  })

  t.test('what is not ours, newer, damaged or of another encoding is refused', async (t) => {
    const foreign = await server.createDatabase()
    await server.query('CREATE TABLE recipes (id int)', foreign)
    for (const readOnly of [false, true])
      await rejectsWith(t, open(foreign, readOnly), 'store-corrupt', /not a store of Weir/)
    t.same(await server.query(`SELECT tablename FROM pg_tables WHERE schemaname = 'public'`, foreign), [
      { tablename: 'recipes' },
    ])
    const newer = await server.createDatabase()
    await using store = await open(newer)
    await store.allot({ uid: 'u', name: 'n', driver: 'localfs', tokenSha256: 't' })
    await store.saveApplied('u', applied('n'))
    await server.query(`UPDATE instances SET applied = '{}'`, newer)
    await store.saveStatuses([{ kind: 'Instance', name: 'n', phase: 'running', conditions: [] }], [])
    await server.query(`UPDATE statuses SET record = '{}'`, newer)
    await rejectsWith(t, store.statuses(), 'store-corrupt', /does not hold/)
    await store[Symbol.asyncDispose]()
    await server.query(`INSERT INTO migrations (name, batch) VALUES ('9999-from-the-future', 9)`, newer)
    for (const readOnly of [false, true])
      await rejectsWith(t, open(newer, readOnly), 'store-newer', /9999-from-the-future/)
    await server.query(`CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'`)
    await rejectsWith(t, open(newer.replace(/weir_\d+/, 'latin')), 'store-unreachable', /LATIN1/)
  })

  t.test('texts may be long, and are sorted by their characters', async (t) => {
    const url = await server.createDatabase()
    await using store = await open(url)
    const names = ['b', 'a-b', 'B', 'ab', 'a'.repeat(300)]
    await store.saveStatuses(
      names.map((name) => ({ kind: 'Instance', name, phase: 'running', conditions: [] })),
      [],
    )
    t.same(
      (await store.statuses()).map(({ name }) => name),
      names.toSorted(),
    )
    const step = { planId: 'p', revision: 'r'.repeat(300), uid: 'u', name: 'n', action: 'create' } as const
    const id = await store.beginAction({ ...step, startedAt: 'now' })
    await store.endAction(id, { endedAt: 'later', outcome: 'failed', error: 'npm said \0 and \ud800' })
    t.match(await store.journal({ limit: 1 }), [{ error: 'npm said \ufffd and \ufffd' }])
  })

  t.test('a way that does not lead there is told, with what to do, and no secret', async (t) => {
    const url = await server.createDatabase()
    const wrong = t.testdir({ password: 'wrong-canary', empty: '' })
    await server.query('CREATE DATABASE closed ALLOW_CONNECTIONS false')
    const cases = [
      [
        url.replace(server.passwordFile, join(wrong, 'password')),
        /password authentication failed/,
        /password/,
      ],
      [url.replace(server.passwordFile, join(wrong, 'absent')), /ENOENT/, /files/],
      [url.replace(/weir_\d+/, 'nowhere'), /"nowhere" does not exist/, /Create the database/],
      [url.replace(`:${server.port}`, ':1'), /ECONNREFUSED/, /Check that the server runs/],
      [`${url}&sslmode=verify-full`, /does not support SSL/, /Turn TLS on/],
      [url.replace(server.passwordFile, join(wrong, 'empty')), /non-empty string/, /passwordFile/],
      [url.replace(/weir_\d+/, 'closed'), /not currently accepting connections/, /ALLOW_CONNECTIONS/],
    ] as const
    for (const [way, message, remedy] of cases) {
      const error = await rejectsWith(t, open(way), 'store-unreachable', message)
      t.match(error?.remedy, remedy)
      t.notMatch(JSON.stringify([error?.message, error?.stack, error?.cause]), /canary/)
    }
  })

  t.test('a password that was changed is taken without a restart', async (t) => {
    const url = await server.createDatabase()
    await server.query(`CREATE ROLE clerk LOGIN PASSWORD 'one'; GRANT ALL ON SCHEMA public TO clerk`, url)
    const file = join(t.testdir({ password: 'one\n' }), 'password')
    await using store = await open(
      `postgres://clerk@127.0.0.1:${server.port}${new URL(url).pathname}?passwordFile=${file}`,
    )
    await server.query(`ALTER ROLE clerk PASSWORD 'two'`)
    await writeFile(file, 'two')
    await server.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'clerk'`)
    await until('the store can be written again', async () =>
      store.appendAudit([{ at: 'now', event: 'deploy' }]).then(
        () => true,
        () => false,
      ),
    )
    t.equal(await readFile(file, 'utf8'), 'two')
  })

  t.test('one writer', async (t) => {
    const url = await server.createDatabase()
    const holder = new ChildLines(t, process.execPath, [child, url, 'hold'])
    t.equal(await holder.line(), 'ready')
    const named = new RegExp(`in use by process ${holder.process.pid} on \\S+, since `)
    const refused = await rejectsWith(t, open(url), 'store-locked', named)
    t.match(refused?.remedy, /Stop that reconciler/)
    const other = await server.createDatabase()
    await using beside = await open(other)
    t.match(beside.fleet, /fleet/, 'another database is another fleet')
    await holder.kill()
    await using store = await open(url)
    t.equal(store.fleet, 'fleet-of-child')
    await rejectsWith(t, open(url), 'store-locked', new RegExp(`process ${process.pid} on `))
  })

  t.test(
    'a process killed while it writes loses nothing it has saved, and tells nothing by half',
    async (t) => {
      const url = await server.createDatabase()
      let told = 0
      for (const lines of [3, 17]) {
        const killed = new ChildLines(t, process.execPath, [child, url, 'tell'])
        t.equal(await killed.line(), 'ready')
        for (let line = 0; line < lines; line++) told = Math.max(told, Number(await killed.line()) || 0)
        await killed.kill()
        await using store = await open(url)
        const { id } = await headOf(store)
        t.ok(id >= told)
        t.equal(id % 5, 0)
      }
    },
  )
})
