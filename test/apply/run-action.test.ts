import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { ActionContext } from '../../reconciler/apply/action-context.ts'
import { createHealth } from '../../reconciler/apply/health.ts'
import { createPlace } from '../../reconciler/apply/place.ts'
import { runAction, type Task } from '../../reconciler/apply/run-action.ts'
import { createMemoryDriver } from '../../reconciler/drivers/memory/memory-driver.ts'
import { createMemoryWorld } from '../../reconciler/drivers/memory/memory-world.ts'
import { Secret } from '../../reconciler/model/secret.ts'
import { sqliteDatabase } from '../../reconciler/store/sqlite-database.ts'
import { openSqliteStore } from '../../reconciler/store/sqlite-store.ts'
import { systemClock } from '../../reconciler/telemetry/clock.ts'
import { headOf } from '../conformance/audit-conformance.ts'
import { resolvedInstance } from '../support/make-instance.ts'

const origin = { author: 'Alice', subject: 'Add a press', cause: 'change' } as const
const signal = new AbortController().signal

async function setUp(t: Test) {
  const file = join(t.testdir({}), 'weir.db')
  const store = await openSqliteStore({ file, clock: systemClock, newId: () => 'fleet' })
  const db = sqliteDatabase(file, 'write')
  t.teardown(async () => {
    await db.destroy()
    await store[Symbol.asyncDispose]()
  })
  const drivers = new Map([
    ['localfs', createMemoryDriver({ fleet: 'fleet', world: createMemoryWorld() })] as const,
  ])
  const secret = new Secret('canary-of-an-action')
  const context: ActionContext = {
    store,
    drivers,
    clock: systemClock,
    newId: () => 'uid-of-press',
    health: createHealth(),
    place: createPlace('fleet', drivers),
    credentialsOf: () => ({ runtimeUrl: '', runtimeToken: secret, adminToken: secret, tokenSha256: 't' }),
    ports: new Map(),
    keepKeys: async () => undefined,
    announce: () => undefined,
    retire: () => undefined,
  }
  return { store, db, context }
}

const task: Task = {
  action: {
    kind: 'create',
    target: { name: 'press' },
    cause: 'change',
    reason: 'declared',
    effect: 'created',
    changes: [],
  },
  planId: 'plan',
  revision: 'rev',
  origin,
  reserved: new Set(),
  desired: resolvedInstance('press', { state: 'stopped', access: { alice: { role: 'owner' } } }),
}

t.test('an action tells its end, and whose access it changed', async (t) => {
  const { store, context } = await setUp(t)
  await runAction(task, context, signal)
  const step = { planId: 'plan', revision: 'rev', uid: 'uid-of-press', instance: 'press', ...origin }
  const told = await store.audit({ limit: 10 })
  t.match(told, [
    { event: 'action', action: 'create', outcome: 'applied', ...step },
    { event: 'access', user: 'alice', to: 'owner', ...step },
  ])
  t.notMatch(JSON.stringify(told), /canary/)
})

t.test('an action whose end cannot be told has failed, and is told when it is done again', async (t) => {
  const { store, db, context } = await setUp(t)
  const trigger = `CREATE TRIGGER full BEFORE INSERT ON audit WHEN NEW.event = 'action' BEGIN SELECT RAISE(FAIL, 'full'); END`
  await db.raw(trigger)
  await t.rejects(runAction(task, context, signal))
  t.notOk((await store.journal({ limit: 1 }))[0]?.outcome, 'its line in the journal is open')
  await db.raw('DROP TRIGGER full')
  const [entry] = await store.inventory()
  await runAction({ ...task, ...(entry === undefined ? {} : { entry }) }, context, signal)
  await store.closeInterrupted('2026-01-01T00:00:00.000Z')
  t.match(
    (await store.audit({ limit: 10 })).map(({ event, outcome }) => [event, outcome]),
    [
      ['action', 'interrupted'],
      ['action', 'applied'],
      ['access', undefined],
    ],
  )
  await headOf(store)
})

t.test('access that cannot be told is not given', async (t) => {
  const { store, db, context } = await setUp(t)
  await db.raw(
    `CREATE TRIGGER full BEFORE INSERT ON audit WHEN NEW.event = 'access' BEGIN SELECT RAISE(FAIL, 'full'); END`,
  )
  await t.rejects(runAction(task, context, signal))
  t.equal((await store.inventory())[0]?.applied, undefined, 'nothing counts as applied')
  t.match(await store.audit({ limit: 10 }), [{ event: 'action', outcome: 'failed' }])
})
