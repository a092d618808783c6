import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { parseStoreUrl } from '../../reconciler/model/store-url.ts'
import { composeMove } from '../../reconciler/compose-store.ts'
import { moveStore, type MoveSource, type MoveTarget } from '../../reconciler/store/move.ts'
import { openPostgresSource, openPostgresTarget } from '../../reconciler/store/postgres-move.ts'
import { sharePostgres } from '../../reconciler/store/postgres-shared.ts'
import { sqliteDatabase } from '../../reconciler/store/sqlite-database.ts'
import { openSqliteSource, openSqliteStore, openSqliteTarget } from '../../reconciler/store/sqlite-store.ts'
import { systemClock } from '../../reconciler/telemetry/clock.ts'
import { headOf } from '../conformance/audit-conformance.ts'
import { rejectsWith } from '../conformance/store-conformance.ts'
import { startPostgres, withoutPostgres } from '../engines/postgres.ts'
import { openPostgres, targetOf } from '../support/open-postgres.ts'
import { until } from '../support/until.ts'

const skip = withoutPostgres
const { signal } = new AbortController()
const quiet = (): void => undefined
const deps = { clock: systemClock, name: 'the move', log: { info: quiet, warn: quiet } }
const entry = { uid: 'u', name: 'press', driver: 'localfs', tokenSha256: 't' } as const
const fact = { at: 'now', event: 'deploy' } as const

const openFile = async (file: string) =>
  openSqliteStore({ file, clock: systemClock, newId: () => 'fleet-moved' })

async function smallStore(t: Test): Promise<string> {
  const file = join(t.testdir({}), 'weir.db')
  await using store = await openFile(file)
  await store.allot(entry)
  await store.appendAudit([fact])
  return file
}

async function move(from: string, to: string) {
  const target = (url: string) => parseStoreUrl(url, (path) => path)
  return composeMove({ from: target(from), to: target(to) }, signal)
}

t.test(
  'who takes the lease from a move, or writes by a door, waits and finds it moved',
  { skip },
  async (t) => {
    const server = await startPostgres(t)
    const url = await server.createDatabase()
    {
      await using store = await openPostgres(url)
      await store.allot(entry)
    }
    await using shared = await sharePostgres(targetOf(url), () => 'another-fleet')
    const file = join(t.testdir({}), 'moved.db')
    const late: Promise<unknown>[] = []
    {
      await using source = await openPostgresSource(targetOf(url), deps, file)
      await using target = await openSqliteTarget(file, new Date())
      const overtaken: Pick<MoveSource, 'take'> = {
        take: async (work) =>
          source.take(async (from) => {
            const door = await shared.openForDoors()
            const [row] = await server.query(
              `UPDATE lease SET holder = 'another', term = term + 1, renewals = renewals + 1 RETURNING term`,
              url,
            )
            const term = { number: Number(row?.['term']), signal, check: quiet }
            const waits = [door.appendAudit([fact]), shared.openForTerm(term)]
            for (const one of waits) late.push(rejectsWith(t, one, 'store-moved', /was moved to/))
            late.push(server.query(`SELECT pg_sleep(0); UPDATE instances SET name = 'late'`, url))
            await until(
              'all wait',
              async () =>
                (await server.query('SELECT * FROM pg_stat_activity WHERE wait_event_type = $$Lock$$'))
                  .length === 3,
            )
            return work(from)
          }),
      }
      await moveStore(
        { source: { ...source, ...overtaken }, target },
        { from: url, to: file, at: 'now' },
        signal,
      )
    }
    await Promise.all(late)
    await using store = await openFile(file)
    t.match(await store.inventory(), [{ uid: 'u', name: 'press' }])
    t.equal((await headOf(store)).id, 0)
  },
)

t.test('a move lasts as long as it takes', { skip }, async (t) => {
  const server = await startPostgres(t)
  const [file, url] = [await smallStore(t), `${await server.createDatabase()}&statementTimeout=1`]
  const back = `${file}.back`
  /** The other store is at work for longer than a transaction may say nothing. */
  const slowly = (target: MoveTarget): MoveTarget => ({
    ...target,
    fill: async (work) =>
      target.fill(async (to) => {
        await server.query('SELECT pg_sleep(2.5)')
        await work(to)
      }),
  })
  {
    await using source = await openSqliteSource(file, new Date(), url)
    await using target = await openPostgresTarget(targetOf(url), deps)
    await moveStore({ source, target: slowly(target) }, { from: file, to: url, at: 'now' }, signal)
  }
  {
    await using source = await openPostgresSource(targetOf(url), deps, back)
    await using target = await openSqliteTarget(back, new Date())
    const slow: Pick<MoveSource, 'take'> = {
      take: async (work) =>
        source.take(async (from) => {
          await server.query('SELECT pg_sleep(2.5)')
          return work(from)
        }),
    }
    await moveStore({ source: { ...source, ...slow }, target }, { from: url, to: back, at: 'now' }, signal)
  }
  await using store = await openFile(back)
  t.equal(store.fleet, 'fleet-moved')
})

t.test('a move that is cut off leaves no two stores, and is finished by the next', { skip }, async (t) => {
  const server = await startPostgres(t)
  const [file, url] = [await smallStore(t), await server.createDatabase()]
  const [name, target] = [url.replace(/\?.*/, ''), `${file}.target`]
  const cut = (one: MoveTarget): MoveTarget => ({
    ...one,
    fill: async (work) =>
      one.fill(async (to) => {
        await work(to)
        throw new Error('the power is gone')
      }),
  })
  const interrupted = async (source: MoveSource, to: MoveTarget, names: { from: string; to: string }) => {
    await using from = source
    await using one = cut(to)
    const moving = moveStore({ source: from, target: one }, { ...names, at: 'now' }, signal)
    const error = await rejectsWith(t, moving, 'move-failed', /is marked as moved to .* the power is gone/)
    t.match(error?.remedy, /Run the same command again/)
  }
  const toDatabase = await openPostgresTarget(targetOf(url), deps)
  await interrupted(await openSqliteSource(file, new Date(), name), toDatabase, { from: file, to: name })
  await rejectsWith(t, openFile(file), 'store-moved', /was moved to/)
  {
    await using empty = await openPostgres(url, true)
    t.equal(empty.fleet, '')
  }
  await rejectsWith(t, move(`sqlite:${file}`, await server.createDatabase()), 'store-moved', /was moved to/)
  await move(`sqlite:${file}`, url)

  const toFile = await openSqliteTarget(target, new Date())
  await interrupted(await openPostgresSource(targetOf(url), deps, target), toFile, { from: name, to: target })
  t.notOk(existsSync(target) || existsSync(`${target}.new`))
  await move(url, `sqlite:${target}`)
  await using store = await openFile(target)
  t.match(await store.inventory(), [{ uid: 'u' }])
})

t.test('where both hold the same fleet, row by row, there is only to mark', { skip }, async (t) => {
  const server = await startPostgres(t)
  const [file, url] = [await smallStore(t), await server.createDatabase()]
  const { tables, head } = await move(`sqlite:${file}`, url)
  const unmark = async () => {
    await using db = { db: sqliteDatabase(file, 'write'), [Symbol.asyncDispose]: async () => db.db.destroy() }
    await db.db.schema.dropTable('moved')
  }
  await unmark()
  t.same(await move(`sqlite:${file}`, url), { tables, head })
  await rejectsWith(t, openFile(file), 'store-moved', /was moved to/)
  await rejectsWith(t, move(`sqlite:${file}`, url), 'store-moved', /was moved to/)
  await unmark()
  {
    await using store = await openPostgres(url)
    await store.appendAudit([fact])
  }
  await rejectsWith(t, move(`sqlite:${file}`, url), 'store-not-empty', /is not empty/)
  await using store = await openFile(file)
  t.equal(store.fleet, 'fleet-moved', 'and goes on')
})
