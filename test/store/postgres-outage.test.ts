import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { sharePostgres } from '../../reconciler/store/postgres-shared.ts'
import { StoreError, type Store } from '../../reconciler/store/store.ts'
import { headOf } from '../conformance/audit-conformance.ts'
import { rejectsWith } from '../conformance/store-conformance.ts'
import { startPostgres, withoutPostgres } from '../engines/postgres.ts'
import { openPostgres as open, targetOf } from '../support/open-postgres.ts'
import { severableLink } from '../support/severable-link.ts'
import { until } from '../support/until.ts'

const skip = withoutPostgres

/** Tells one fact after the other, as often as it takes, until `end`. Returns how many were told, and how many times in vain. */
async function tellUntil(store: Store, end: () => boolean): Promise<{ told: number; vain: number }> {
  let [told, vain] = [0, 0]
  while (!end()) {
    try {
      await store.appendAudit([{ at: 'now', event: 'deploy', key: `fact ${told}` }])
      told++
    } catch (error) {
      if (!(error instanceof StoreError) || error.code !== 'store-unreachable') throw error
      vain++
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
  return { told, vain }
}

t.test('connections are cut, the server is stopped and started', { skip }, async (t) => {
  const server = await startPostgres(t)
  const said: string[] = []
  await using store = await open(await server.createDatabase(), false, said)
  await store.allot({ uid: 'u', name: 'press', driver: 'localfs', port: 100, tokenSha256: 't' })
  let over = false
  const telling = tellUntil(store, () => over)

  const cut = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'weir %'`
  const connected = `SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'weir lease'`
  for (let times = 1; times <= 3; times++) {
    await server.query(cut)
    await until('the lease is renewed again', async () => (await server.query(connected)).length > 0)
  }
  t.same(said, [], 'no term ends by that')
  await server.stop()
  await until('it is noticed', () => store.trouble() !== undefined)
  await rejectsWith(t, store.setPort('u', 101), 'store-unreachable', /cannot be used/)
  await rejectsWith(t, store.flows('u'), 'store-unreachable', /ECONNREFUSED|terminat/)
  await server.start()
  await until('the lease is held again', () => store.trouble() === undefined)
  await store.setPort('u', 102)
  t.match(await store.inventory(), [{ uid: 'u', port: 102 }])
  over = true
  const { told, vain } = await telling
  t.ok(vain > 0)
  t.equal((await headOf(store)).id, told, 'what was told stands there once, and nothing else')
  t.match(said, [/lost/, /held again/])
})

t.test('a server that hangs is given up, and used when it goes on', { skip }, async (t) => {
  const server = await startPostgres(t)
  await using store = await open(`${await server.createDatabase()}&statementTimeout=1`)
  await store.appendAudit([{ at: 'now', event: 'deploy' }])
  await server.signal('SIGSTOP')
  t.teardown(async () => server.signal('SIGCONT'))
  await rejectsWith(t, store.appendAudit([{ at: 'now', event: 'deploy' }]), 'store-unreachable', /./)
  await until('its lease is known to be lost', () => store.trouble() !== undefined)
  await server.signal('SIGCONT')
  await until('it is used again', () => store.trouble() === undefined)
  await store.appendAudit([{ at: 'now', event: 'deploy' }])
  t.equal((await headOf(store)).id, 2)
})

t.test('closing does not wait for a server that hangs, and leaves no connection', { skip }, async (t) => {
  const server = await startPostgres(t)
  const url = await server.createDatabase()
  const fact = { at: 'now', event: 'deploy' } as const
  const store = await open(url)
  await store.appendAudit([fact])
  await using shared = await sharePostgres(targetOf(url), () => 'unused')
  await using idle = await sharePostgres(targetOf(url), () => 'unused')
  await (await idle.openForDoors()).appendAudit([fact])
  await server.signal('SIGSTOP')
  t.teardown(async () => server.signal('SIGCONT'))
  const { signal } = new AbortController()
  const asked = [store.appendAudit([fact]), shared.openForDoors(), shared.lease.read(signal)].map(
    async (one) => rejectsWith(t, one, 'store-unreachable', /./),
  )
  for (const one of [store, shared, idle]) await one[Symbol.asyncDispose]()
  await Promise.all(asked)
  await server.signal('SIGCONT')
  await until('no connection is left', async () => {
    const ours = `SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'weir %'`
    return (await server.query(ours)).length === 0
  })
})

t.test('who lost the lease to another writes no more', { skip }, async (t) => {
  const server = await startPostgres(t)
  const url = await server.createDatabase()
  await using link = await severableLink(`http://127.0.0.1:${server.port}`)
  const said: string[] = []
  await using store = await open(url.replace(`:${server.port}/`, `:${new URL(link.url).port}/`), false, said)
  await store.appendAudit([{ at: 'now', event: 'deploy' }])
  link.cut()
  await until('it is noticed', () => store.trouble() !== undefined)
  await using other = await until('the lease is free', async () => open(url).catch(() => undefined))
  link.mode = 'up'
  await rejectsWith(t, store.appendAudit([{ at: 'now', event: 'deploy' }]), 'store-unreachable', /./)
  await until('it knows who has it', () => store.trouble()?.code === 'store-locked')
  await rejectsWith(
    t,
    store.appendAudit([{ at: 'x', event: 'deploy' }]),
    'store-locked',
    new RegExp(`${process.pid}`),
  )
  await other.appendAudit([{ at: 'now', event: 'deploy' }])
  await other[Symbol.asyncDispose]()
  await until('it stays out', () => said.some((line) => /taken over/.test(line)))
  await rejectsWith(t, store.appendAudit([{ at: 'x', event: 'deploy' }]), 'store-locked', /taken over/)
  await using third = await open(url)
  t.equal((await headOf(third)).id, 2)
})

t.test('who does not know yet that it lost the lease is refused by the database', { skip }, async (t) => {
  const server = await startPostgres(t)
  const url = await server.createDatabase()
  await using store = await open(url)
  await server.query(`UPDATE lease SET holder = 'another', term = term + 1`, url)
  t.equal(store.trouble(), undefined)
  const entry = { uid: 'u', name: 'n', driver: 'localfs', tokenSha256: 't' } as const
  const writes = [store.appendAudit([{ at: 'now', event: 'deploy' }]), store.allot(entry)]
  for (const write of writes) await rejectsWith(t, write, 'store-locked', /another has term 2/)
  t.same(await server.query('SELECT id FROM audit', url), [])
})

t.test('by TLS only a server that proves its name is talked to', { skip }, async (t) => {
  const folder = t.testdir({})
  const certificate = async (name: string) => {
    const [key, cert] = [join(folder, `${name}.key`), join(folder, `${name}.pem`)]
    const subject = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=IP:127.0.0.1`, '-days', '2']
    const keyOptions = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
    await promisify(execFile)('openssl', [
      'req',
      '-x509',
      ...keyOptions,
      '-keyout',
      key,
      '-out',
      cert,
      ...subject,
    ])
    return { key, cert }
  }
  const [own, stranger] = [await certificate('server'), await certificate('stranger')]
  const server = await startPostgres(t, { tls: own })
  const url = await server.createDatabase()
  const verified = `${url}&sslmode=verify-full`
  {
    await using store = await open(`${verified}&sslrootcert=${own.cert}`)
    const [row] = await server.query(
      `SELECT count(*)::int AS plain FROM pg_stat_ssl JOIN pg_stat_activity a USING (pid) WHERE NOT ssl AND a.application_name LIKE 'weir %'`,
    )
    t.same(row, { plain: 0 }, store.fleet)
  }
  const refused = await rejectsWith(t, open(verified), 'store-unreachable', /self.signed|SELF_SIGNED/)
  t.match(refused?.remedy, /sslrootcert/)
  await rejectsWith(
    t,
    open(`${verified}&sslrootcert=${stranger.cert}`),
    'store-unreachable',
    /self.signed|SELF_SIGNED|verify/,
  )
  const elsewhere = `${verified}&sslrootcert=${own.cert}`.replace('127.0.0.1', 'localhost')
  await rejectsWith(t, open(elsewhere), 'store-unreachable', /does not match|ALTNAME/)
})
