import { connect, createServer } from 'node:net'
import t from 'tap'
import { postgresDatabase } from '../../reconciler/store/postgres-database.ts'
import { rejectsWith } from '../conformance/store-conformance.ts'
import { startPostgres, withoutPostgres } from '../engines/postgres.ts'
import { openPostgres as open, targetOf } from '../support/open-postgres.ts'

const skip = withoutPostgres
const fact = { at: 'now', event: 'deploy' } as const

t.test('what belongs to others in the database', { skip }, async (t) => {
  const server = await startPostgres(t)

  t.test('views and tables of an extension do not matter', async (t) => {
    const url = await server.createDatabase()
    await server.query(`CREATE EXTENSION pg_stat_statements; CREATE EXTENSION pg_buffercache`, url)
    await using store = await open(url)
    await store.appendAudit([fact])
    t.match(store.fleet, /fleet/)
  })

  t.test('a view of the operator does not keep it from starting', async (t) => {
    const url = await server.createDatabase()
    await using store = await open(url)
    await store.appendAudit([fact])
    await store[Symbol.asyncDispose]()
    const limited = `SELECT data_type FROM information_schema.columns WHERE table_name IN ('report', 'notes')`
    await server.query(`CREATE VIEW report AS SELECT id::varchar(9) AS entry FROM audit`, url)
    await server.query(`CREATE TABLE notes (note varchar(9))`, url)
    await using again = await open(url)
    await again.appendAudit([fact])
    t.same(
      (await server.query(limited, url)).map((row) => row['data_type']),
      ['character varying', 'character varying'],
    )
  })

  t.test('of a database that is in use for something else another is to be named', async (t) => {
    const url = await server.createDatabase()
    await server.query('CREATE TABLE recipes (id int)', url)
    const refused = await rejectsWith(t, open(url), 'store-corrupt', /is not a store of Weir .*recipes/)
    t.match(refused?.remedy, /Name another database/)
    t.notMatch(refused?.message, /damaged/)
  })

  t.test('a database that is set to read-only is not written', async (t) => {
    const url = await server.createDatabase()
    await using store = await open(url)
    await store[Symbol.asyncDispose]()
    const database = new URL(url).pathname.slice(1)
    await server.query(`ALTER DATABASE ${database} SET default_transaction_read_only = on`)
    const refused = await rejectsWith(t, open(url), 'store-unreachable', /read-only transaction/)
    t.match(refused?.remedy, /default_transaction_read_only/)
  })
})

t.test('limits are set in the session, and not by parameters of its start', { skip }, async (t) => {
  const server = await startPostgres(t)
  const asked: string[] = []
  const pooler = createServer((near) => {
    const far = connect(server.port, '127.0.0.1')
    // the first message: length, version, then names and values (protocol-message-formats, StartupMessage)
    near.once('data', (bytes) => asked.push(...bytes.subarray(8).toString().split('\0')))
    near.pipe(far).pipe(near)
    for (const end of [near, far]) end.on('error', () => undefined)
  })
  await new Promise<void>((resolve) => pooler.listen(0, '127.0.0.1', resolve))
  t.teardown(async () => new Promise((resolve) => pooler.close(resolve)))
  const address = pooler.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const url = `${await server.createDatabase()}&statementTimeout=7`
  const by = url.replace(`:${server.port}/`, `:${address.port}/`)
  {
    await using store = await open(by)
    await store.appendAudit([fact])
  }
  const names = new Set(asked.filter((word) => /^[a-z_]{4,}$/.test(word)))
  for (const own of ['weir', 'utf8', 'UTF8']) names.delete(own)
  t.same([...names].toSorted(), ['application_name', 'client_encoding', 'database', 'user'])

  await using stack = new AsyncDisposableStack()
  const db = await postgresDatabase(stack, targetOf(url), 'READ WRITE')
  const { rows }: { readonly rows: readonly unknown[] } = await db.raw(
    `SELECT name, setting FROM pg_settings WHERE name ~ '^(statement|lock|idle_in_transaction_session)_timeout$' ORDER BY 1`,
  )
  t.same(rows, [
    { name: 'idle_in_transaction_session_timeout', setting: '5000' },
    { name: 'lock_timeout', setting: '7000' },
    { name: 'statement_timeout', setting: '7000' },
  ])
})

t.test('no password but that of the file is used', { skip }, async (t) => {
  const server = await startPostgres(t)
  const url = await server.createDatabase()
  const before = process.env['PGPASSWORD']
  process.env['PGPASSWORD'] = server.password
  t.teardown(() => {
    if (before === undefined) delete process.env['PGPASSWORD']
    else process.env['PGPASSWORD'] = before
  })
  const refused = await rejectsWith(t, open(url.replace(/\?.*/, '')), 'store-unreachable', /password/)
  t.match(refused?.remedy, /passwordFile/)
})
