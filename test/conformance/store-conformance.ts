import type { Test } from 'tap'
import { sha256 } from '../../reconciler/model/digest.ts'
import type { StatusRecord } from '../../reconciler/model/status-record.ts'
import { StoreError, type JournalEntry, type Store } from '../../reconciler/store/store.ts'
import { applied } from '../support/inventory-fixtures.ts'

/** What every store does. `open` gives an empty one; closing it is the suite's affair. */
export function storeConformance(t: Test, open: (t: Test) => Promise<Store>): void {
  const clause = (name: string, run: (t: Test, store: Store) => Promise<void>) =>
    t.test(name, async (t) => {
      await using store = await open(t)
      await run(t, store)
    })

  clause('an empty store has a fleet and nothing in it', async (t, store) => {
    t.match(store.fleet, /./)
    t.same(await store.inventory(), [])
    t.same(await store.statuses(), [])
    t.same(await store.journal({ limit: 10 }), [])
    t.same(await store.reconciliations({ limit: 10 }), [])
  })

  clause('an identity is allotted once', async (t, store) => {
    const first = await allot(store, 'press', { firstPort: 12080 })
    t.same(first, { uid: 'uid-press', name: 'press', driver: 'localfs', port: 12080 })
    const again = await store.allot({
      ...request('press'),
      uid: 'other',
      tokenSha256: sha256('other'),
      firstPort: 1,
    })
    t.same(again, first)
    t.same(await store.findByToken(sha256('token-press')), first, 'the token it had stays')
    t.equal(await store.findByToken(sha256('other')), undefined)
    t.same(await store.inventory(), [first])
  })

  clause('ports are the lowest free ones, unique, and never the reserved', async (t, store) => {
    const reserved = new Set([12081])
    const ports: (number | undefined)[] = []
    for (const name of ['a', 'b', 'c'])
      ports.push((await allot(store, name, { firstPort: 12080, reserved })).port)
    t.same(ports, [12080, 12082, 12083])
    await store.forget('uid-b')
    t.equal((await allot(store, 'd', { firstPort: 12080, reserved })).port, 12082, 'a gap is filled')
    t.equal((await allot(store, 'e', { port: 12081 })).port, 12081, 'a declared port is given')
    t.equal((await allot(store, 'f')).port, undefined, 'no port where none is asked for')
    t.equal((await allot(store, 'g')).port, undefined)
    await rejectsWith(t, allot(store, 'h', { port: 12080 }), 'port-taken', /12080 belongs to the instance a/)
    await rejectsWith(t, allot(store, 'h', { firstPort: 65536 }), 'port-taken', /No port is free/)
    t.notOk((await store.inventory()).some((entry) => entry.name === 'h'))
  })

  clause('many at once get ports of their own', async (t, store) => {
    const names = Array.from({ length: 20 }, (_, index) => `many-${index}`)
    const entries = await Promise.all(names.map(async (name) => allot(store, name, { firstPort: 12080 })))
    const ports = entries.map((entry) => entry.port ?? 0).toSorted((a, b) => a - b)
    t.same(
      ports,
      Array.from({ length: 20 }, (_, index) => 12080 + index),
    )
  })

  clause('a companion port is kept free', async (t, store) => {
    await allot(store, 'a', { firstPort: 100, companion: 2 })
    t.equal((await allot(store, 'b', { firstPort: 100, companion: 2 })).port, 101)
    t.equal(
      (await allot(store, 'c', { firstPort: 100, companion: 2 })).port,
      104,
      '102 and 103 are companions',
    )
  })

  clause('ports, names and tokens change on demand, and never collide', async (t, store) => {
    await allot(store, 'a', { port: 100 })
    await allot(store, 'b', { port: 101 })
    await rejectsWith(t, store.setPort('uid-a', 101), 'port-taken', /instance b/)
    await store.setPort('uid-a', 102)
    await store.setPort('uid-a', 102)
    await rejectsWith(t, store.rename('uid-a', 'b'), 'name-taken', /uid-b/)
    await store.rename('uid-a', 'z')
    await store.setToken('uid-a', sha256('fresh'))
    t.same(await store.findByToken(sha256('fresh')), {
      uid: 'uid-a',
      name: 'z',
      driver: 'localfs',
      port: 102,
    })
    t.equal(await store.findByToken(sha256('token-a')), undefined)
  })

  clause('an object found is adopted, twice as once', async (t, store) => {
    const found = { uid: 'found', name: 'press', driver: 'localfs', port: 12090 } as const
    await store.adopt({ ...found, tokenSha256: sha256('one') })
    await store.adopt({ ...found, tokenSha256: sha256('two') })
    t.same(await store.inventory(), [found])
    t.same(await store.findByToken(sha256('two')), found)
    await rejectsWith(t, store.adopt({ ...found, uid: 'x', tokenSha256: sha256('x') }), 'name-taken', /found/)
  })

  clause('what was applied comes back as it was', async (t, store) => {
    await allot(store, 'press', { firstPort: 12080 })
    const before = applied('press', { expected: { text: 'ä"\u{1f600}\n', list: [1, null, { deep: true }] } })
    await store.saveApplied('uid-press', before)
    t.same((await store.inventory())[0]?.applied, before)
    t.same((await store.findByToken(sha256('token-press')))?.applied, before)
    await store.adopt({
      uid: 'uid-press',
      name: 'press',
      driver: 'localfs',
      tokenSha256: sha256('token-press'),
    })
    t.same((await store.inventory())[0]?.applied, before, 'adopting keeps it')
    await store.forget('uid-press')
    await store.forget('uid-press')
    t.same(await store.inventory(), [])
    t.equal(await store.findByToken(sha256('token-press')), undefined)
  })

  clause('the journal is written before and after', async (t, store) => {
    const one = await store.beginAction(step('a'))
    const two = await store.beginAction(step('b'))
    const three = await store.beginAction(step('a', 'stop'))
    await store.endAction(one, { endedAt: 'later', outcome: 'applied' })
    await store.endAction(two, { endedAt: 'later', outcome: 'failed', error: 'no space' })
    const expected: JournalEntry[] = [
      { id: three, ...step('a', 'stop') },
      { id: two, ...step('b'), endedAt: 'later', outcome: 'failed', error: 'no space' },
      { id: one, ...step('a'), endedAt: 'later', outcome: 'applied' },
    ]
    t.same(await store.journal({ limit: 10 }), expected, 'newest first')
    t.same(await store.journal({ limit: 1, before: three }), [expected[1]])
    t.same(await store.journal({ limit: 10, name: 'a' }), [expected[0], expected[2]])
    const closed = { ...expected[0], endedAt: 'restart', outcome: 'interrupted' }
    t.same(await store.closeInterrupted('restart'), [closed])
    t.same(await store.closeInterrupted('again'), [])
    t.same(await store.journal({ limit: 1 }), [closed])
  })

  clause('what a step brings about is announced until it ends', async (t, store) => {
    await store.allot({ uid: 'uid-a', name: 'a', driver: 'localfs', port: 100, tokenSha256: 't' })
    const [entry] = await store.inventory()
    t.same(await store.announced('uid-a'), { entry })
    t.equal(await store.announced('uid-of-nobody'), undefined)
    const { spec } = applied('a')
    const begun = { ...step('a'), uid: 'uid-a' }
    const first = await store.beginAction(begun, {}, spec)
    t.same(await store.announced('uid-a'), { entry, spec })
    await store.endAction(first, { endedAt: 'later', outcome: 'failed' })
    t.same(await store.announced('uid-a'), { entry })
    await store.beginAction(begun, {}, spec)
    await store.closeInterrupted('restart')
    t.same(await store.announced('uid-a'), { entry })
  })

  clause('the history is paged, newest first', async (t, store) => {
    const round = { planId: 'p', revision: 'r', cause: 'source', startedAt: '1', endedAt: '2', headline: 'h' }
    await store.addReconciliation({ ...round, outcome: 'converged', author: 'Alice', subject: 'Add a press' })
    await store.addReconciliation({ ...round, outcome: 'refused' })
    await store.addReconciliation({ ...round, outcome: 'failed' })
    const all = await store.reconciliations({ limit: 10 })
    t.same(
      all.map((one) => one.outcome),
      ['failed', 'refused', 'converged'],
    )
    t.match(all[2], { author: 'Alice', subject: 'Add a press' })
    t.notOk('author' in (all[0] ?? {}))
    t.same(await store.reconciliations({ limit: 1, before: all[0]?.id ?? 0 }), [all[1]])
  })

  clause('statuses are written, replaced and removed in one go', async (t, store) => {
    const many = Array.from({ length: 450 }, (_, index) => status(`i-${String(index).padStart(3, '0')}`))
    await store.saveStatuses(many, [])
    t.same(await store.statuses(), many)
    const changed = { ...status('i-000'), phase: 'crashed', message: 'exit code 1' } as const
    await store.saveStatuses([changed], [{ kind: 'Instance', name: 'i-001' }])
    t.same(await store.statuses(), [changed, ...many.slice(2)])
    await store.saveStatuses([], [])
  })
}

export async function rejectsWith(
  t: Test,
  promise: Promise<unknown>,
  code: StoreError['code'],
  message: RegExp,
): Promise<StoreError | undefined> {
  try {
    await promise
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
    t.equal(error.code, code)
    t.match(error.message, message)
    t.match(error.remedy, /\w/, 'it says what to do')
    return error
  }
  t.fail(`expected ${code}`)
  return undefined
}

function request(name: string) {
  return { uid: `uid-${name}`, name, driver: 'localfs', tokenSha256: sha256(`token-${name}`) } as const
}

async function allot(store: Store, name: string, more: Partial<Parameters<Store['allot']>[0]> = {}) {
  return store.allot({ ...request(name), ...more })
}

function step(name: string, action: JournalEntry['action'] = 'create') {
  return { planId: 'plan', revision: 'rev', uid: `uid-${name}`, name, action, startedAt: 'now' }
}

function status(name: string): StatusRecord {
  const condition = {
    reason: 'Running',
    message: 'It runs.',
    since: '2026-01-01T00:00:00Z',
    observedRevision: 'r',
  }
  return {
    kind: 'Instance',
    name,
    phase: 'running',
    conditions: [{ type: 'Ready', status: 'True', ...condition }],
  }
}
