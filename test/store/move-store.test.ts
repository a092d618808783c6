import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { composeMove } from '../../reconciler/compose-store.ts'
import { parseStoreUrl } from '../../reconciler/model/store-url.ts'
import { storeTables } from '../../reconciler/store/move-tables.ts'
import { sqliteDatabase } from '../../reconciler/store/sqlite-database.ts'
import { openSqliteStore } from '../../reconciler/store/sqlite-store.ts'
import type { Store } from '../../reconciler/store/store.ts'
import { systemClock } from '../../reconciler/telemetry/clock.ts'
import { headOf } from '../conformance/audit-conformance.ts'
import { rejectsWith } from '../conformance/store-conformance.ts'
import { startPostgres, withoutPostgres } from '../engines/postgres.ts'
import { applied } from '../support/inventory-fixtures.ts'
import { openPostgres } from '../support/open-postgres.ts'
import { runReconcile } from '../support/program.ts'

const { signal } = new AbortController()

async function openSqlite(file: string): Promise<Store> {
  return openSqliteStore({ file, clock: systemClock, newId: () => 'fleet-moved' })
}

async function move(from: string, to: string, ending = signal) {
  const target = (url: string) => parseStoreUrl(url, (path) => path)
  return composeMove({ from: target(from), to: target(to) }, ending)
}

/** A store with rows in every table, more than are read at once in some. */
async function filled(t: Test): Promise<string> {
  const file = join(t.testdir({}), 'weir.db')
  await using store = await openSqlite(file)
  await store.allot({ uid: 'u', name: 'press', driver: 'localfs', port: 12080, tokenSha256: 't' })
  await store.allot({ uid: 'v', name: 'käse', driver: 'localfs', tokenSha256: 'v' })
  await store.saveApplied('u', applied('press', { expected: { text: 'ä"\u{1f600}\n' } }))
  const step = {
    planId: 'p',
    revision: 'r',
    uid: 'u',
    name: 'press',
    action: 'create',
    startedAt: 'now',
  } as const
  for (let index = 0; index < 120; index++) {
    const id = await store.beginAction(step, { author: 'Alice' })
    if (index < 119) await store.endAction(id, { endedAt: 'later', outcome: 'applied' })
  }
  const round = { planId: 'p', revision: 'r', cause: 'source', startedAt: '1', endedAt: '2', headline: 'h' }
  await store.addReconciliation({ ...round, outcome: 'refused' }, ['too much'])
  await store.saveStatuses(
    Array.from({ length: 130 }, (_, index) => ({
      kind: 'Instance',
      name: `i-${index}`,
      phase: 'running',
      conditions: [],
    })),
    [],
  )
  let base: string | undefined
  for (let index = 0; index < 30; index++) {
    const origin = index % 2 === 0 ? 'edit' : 'git'
    const write = {
      nodes: `[${index}]`,
      credentials: '{}',
      revision: `r${index}`,
      savedAt: 'now',
      origin,
    } as const
    await store.saveFlows('u', { ...write, ...(base === undefined ? {} : { base }), savedBy: 'olga' })
    base = write.revision
  }
  await store.saveDocument('u', 'settings', { content: '{"a":1}' })
  await store.saveDocument('v', 'sessions', { content: '{}' })
  await store.saveLibraryEntry('u', { type: 'functions', path: 'a/b', meta: '{}', body: 'return msg' })
  await store.saveIdentityRecord({
    kind: 'Code',
    id: 'c',
    content: '{}',
    grant: 'g',
    expiresAt: 9_007_199_254_740_000,
  })
  await store.consumeIdentityRecord('Code', 'c', 1_700_000_000_000)
  await store.countSignInFailure({ key: 'k', by: 1, now: 1_700_000_000_000, window: 1000 })
  await store.keepCredentialKeys([{ uid: 'u', id: 'own', sealed: 'sealed', keptAt: 'now' }])
  return file
}

/** What a store tells of its fleet. */
async function toldBy(store: Store): Promise<unknown> {
  return {
    fleet: store.fleet,
    inventory: await store.inventory(),
    journal: await store.journal({ limit: 1000 }),
    history: await store.reconciliations({ limit: 1000 }),
    statuses: await store.statuses(),
    flows: await store.flows('u'),
    aside: await store.flowsSetAside('u'),
    documents: [await store.document('u', 'settings'), await store.document('v', 'sessions')],
    library: await store.libraryEntry('u', 'functions', 'a/b'),
    code: await store.identityRecord('Code', 'c', 0),
    failures: await store.signInFailures('k', 1_700_000_000_000),
    keys: await store.credentialKeys(),
    head: await headOf(store),
  }
}

const stepAfter = {
  planId: 'p',
  revision: 'r',
  uid: 'u',
  name: 'press',
  action: 'stop',
  startedAt: 'x',
} as const

t.test('a fleet moves to PostgreSQL and back, and is the same', { skip: withoutPostgres }, async (t) => {
  const server = await startPostgres(t)
  const file = await filled(t)
  const before = await (async () => {
    await using store = await openSqlite(file)
    return await toldBy(store)
  })()
  const url = await server.createDatabase()
  const { tables } = await move(`sqlite:${file}`, url)
  t.ok(
    tables.every(({ rows }) => rows > 0),
    'every table had rows',
  )
  {
    await using store = await openPostgres(url)
    t.same(await toldBy(store), before)
  }
  const error = await rejectsWith(t, openSqlite(file), 'store-moved', /was moved to postgres:\/\/weir@127/)
  t.match(error?.remedy, /configuration/)

  const back = join(t.testdirName, 'back.db')
  t.same((await move(url, `sqlite:${back}`)).tables, tables)
  await rejectsWith(t, openPostgres(url), 'store-moved', /was moved to \S*back\.db/)
  const second = await server.createDatabase()
  await move(`sqlite:${back}`, second)
  await using store = await openPostgres(second)
  t.same(await toldBy(store), before)
  t.equal(await store.beginAction(stepAfter), 121, 'ids go on from where they were')
  await store.saveFlows('u', {
    nodes: '[]',
    credentials: '{}',
    revision: 'x',
    savedAt: 'x',
    base: 'r29',
    origin: 'edit',
  })
  await store.saveFlows('u', {
    nodes: '[1]',
    credentials: '{}',
    revision: 'y',
    savedAt: 'y',
    base: 'x',
    origin: 'git',
  })
  t.equal((await store.flowsSetAside('u'))[0]?.id, 16)
})

t.test('every table of a store is moved', async (t) => {
  const db = sqliteDatabase(await filled(t), 'read')
  const tables: readonly { readonly name: string }[] = await db('sqlite_master')
    .where({ type: 'table' })
    .select('name')
  await db.destroy()
  const own = new Set(['migrations', 'migrations_lock', 'sqlite_sequence'])
  t.same(
    tables
      .map(({ name }) => name)
      .filter((name) => !own.has(name))
      .toSorted(),
    storeTables.map(([name]) => name).toSorted(),
  )
})

t.test('what is in use, or not empty, is refused', { skip: withoutPostgres }, async (t) => {
  const server = await startPostgres(t)
  const [file, url, other] = [await filled(t), await server.createDatabase(), await server.createDatabase()]
  {
    await using _held = await openSqlite(file)
    await rejectsWith(t, move(`sqlite:${file}`, url), 'store-locked', /in use by process/)
  }
  {
    await using _held = await openPostgres(other)
    await rejectsWith(t, move(`sqlite:${file}`, other), 'store-locked', /in use by process/)
    await rejectsWith(t, move(other, `sqlite:${file}.x`), 'store-locked', /in use by process/)
  }
  await rejectsWith(t, move(`sqlite:${file}`, other), 'store-not-empty', /is not empty/)
  await rejectsWith(t, move(other, `sqlite:${file}`), 'store-not-empty', /is not empty/)
  await rejectsWith(t, move(url, `sqlite:${file}.x`), 'store-unreachable', /no store/)
  await rejectsWith(t, move(`sqlite:${file}.absent`, url), 'store-unreachable', /no store/)
  await using untouched = await openSqlite(file)
  t.equal(untouched.fleet, 'fleet-moved')
})

t.test(
  'a move that fails leaves the one as it was, and the other empty',
  { skip: withoutPostgres },
  async (t) => {
    const server = await startPostgres(t)
    const [file, url] = [await filled(t), await server.createDatabase()]
    const target = `${file}.target`
    const unmoved = async (what: string) => {
      await using database = await openPostgres(url, true)
      t.same(database.fleet, '', `${what}: nothing is in the database`)
      t.notOk(existsSync(target) || existsSync(`${target}.new`), `${what}: there is no file`)
      await using store = await openSqlite(file)
      t.equal(store.fleet, 'fleet-moved', `${what}: the fleet is where it was`)
    }
    for (const to of [url, `sqlite:${target}`])
      await t.rejects(move(`sqlite:${file}`, to, AbortSignal.abort(new Error('enough'))), /enough/)
    await unmoved('cut short')

    const db = sqliteDatabase(file, 'write')
    await db('audit').where({ id: 60 }).update({ entry: '{}' })
    for (const to of [url, `sqlite:${target}`])
      await rejectsWith(t, move(`sqlite:${file}`, to), 'move-failed', /entry 60 of the audit trail/)
    await unmoved('a trail that was changed')
    await db('journal').where({ id: 70 }).update({ error: 'no \0 text' })
    await db.destroy()
    await rejectsWith(t, move(`sqlite:${file}`, url), 'move-failed', /row id 70 of the table journal .*0x00/)
    await unmoved('a row that the other engine does not take')
  },
)

t.test(
  'a configuration that names an empty database beside a fleet is refused',
  { skip: withoutPostgres },
  async (t) => {
    const server = await startPostgres(t)
    const [file, url] = [await filled(t), await server.createDatabase()]
    const config = join(t.testdirName, 'weir.yaml')
    await writeFile(config, `data: .\nstore: "${url}"\n`)
    for (const args of [['--dry-run'], []]) {
      const refused = await runReconcile([...args, '--config', config])
      t.equal(refused.code, 1)
      t.match(refused.stderr, `is empty, but a fleet is in ${file}; move it with "reconcile store migrate`)
    }
    t.equal(
      (await move(`sqlite:${file}`, url)).tables.length,
      storeTables.length,
      'and nothing was made there',
    )
  },
)

t.test('on the command line', { skip: withoutPostgres }, async (t) => {
  const server = await startPostgres(t)
  const [file, url] = [await filled(t), await server.createDatabase()]
  const moved = await runReconcile(['store', 'migrate', '--from', `sqlite:${file}`, '--to', url])
  t.match(moved, { code: 0, stderr: '' })
  t.match(moved.stdout, /^journal +120 rows, the same on both sides: [0-9a-f]{64}$/m)
  t.match(moved.stdout, /^the audit trail is intact: \d+:[0-9a-f]{64}$/m)
  t.notMatch(moved.stdout, await readFile(server.passwordFile, 'utf8'))
  const again = await runReconcile(['store', 'migrate', '--from', `sqlite:${file}`, '--to', url])
  t.match(again, { code: 1, stderr: /was moved to/ })
  const secret = await runReconcile([
    'store',
    'migrate',
    '--from',
    'postgres://weir:canary@db/weir',
    '--to',
    url,
  ])
  t.match(secret, { code: 1, stderr: /--from: a password must not stand in it/ })
  t.notMatch(secret.stderr, /canary/)
})
