import fc from 'fast-check'
import type { Test } from 'tap'
import {
  auditEvents,
  matchesFilter,
  plainFact,
  utc,
  type AuditEntry,
  type AuditFact,
} from '../../reconciler/model/audit.ts'
import { emptyHead, unsealed, verifyChain, type ChainHead } from '../../reconciler/model/audit-chain.ts'
import type { Store } from '../../reconciler/store/store.ts'
import { applied } from '../support/inventory-fixtures.ts'
import { resolvedInstance } from '../support/make-instance.ts'

const at = '2026-01-02T03:04:05.000Z'
const step = { planId: 'plan', revision: 'rev', author: 'Alice', subject: 'Add a press', at } as const

/** What every store does with its audit trail. */
export function auditConformance(t: Test, open: (t: Test) => Promise<Store>): void {
  const clause = (name: string, run: (t: Test, store: Store) => Promise<void>) =>
    t.test(name, async (t) => {
      await using store = await open(t)
      await run(t, store)
    })

  clause('a trail begins empty and grows at its end', async (t, store) => {
    t.same(await store.audit({ limit: 10 }), [])
    t.same(await headOf(store), emptyHead)
    const [first, second] = await store.appendAudit([
      { at, event: 'deploy', uid: 'u', instance: 'press', user: 'alice', flowsBefore: 'a', flowsAfter: 'b' },
      { at, event: 'gap', uid: 'u', instance: 'press', count: 3 },
    ])
    t.match(first, { id: 1, previous: emptyHead.hash, flowsBefore: 'a', flowsAfter: 'b' })
    t.match(second, { id: 2, previous: first?.hash, count: 3 })
    t.same(await store.audit({ limit: 10 }), [second, first], 'newest first')
    t.same(await store.audit({ limit: 10, before: 2 }), [first])
    t.same(await store.appendAudit([]), [])
    t.same(await headOf(store), { id: 2, hash: second?.hash })
  })

  clause('a fact that is told again is there once', async (t, store) => {
    const fact = (key: string): AuditFact => ({ at, event: 'sign-in', key, user: 'alice' })
    t.equal((await store.appendAudit([fact('a'), fact('a'), fact('b')])).length, 2)
    t.equal((await store.appendAudit([fact('b'), fact('c'), fact('a')])).length, 1)
    t.equal(
      (
        await store.appendAudit([
          { at, event: 'sign-in' },
          { at, event: 'sign-in' },
        ])
      ).length,
      2,
    )
    t.match(await headOf(store), { id: 5 })
  })

  clause('filters', async (t, store) => {
    const facts: readonly AuditFact[] = [
      {
        at: utc('2026-01-02T00:30:00+01:00') ?? '',
        event: 'deploy',
        uid: 'u',
        instance: 'old',
        user: 'alice',
      },
      { at: '2026-01-02T00:00:00.000Z', event: 'deploy', uid: 'u', instance: 'new', user: 'bob' },
      { at: '2026-01-03T00:00:00.000Z', event: 'sign-in', uid: 'v', instance: 'new', user: 'alice' },
      { at: '2026-01-04T00:00:00.000Z', event: 'plan-refused' },
    ]
    await store.appendAudit(facts)
    const ids = async (filter: Omit<Parameters<Store['audit']>[0], 'limit'>) => {
      const found = (await store.audit({ limit: 10, ...filter })).map(({ id }) => id)
      const { before: _b, ...rest } = filter
      if (filter.before === undefined) {
        const rows: unknown[] = []
        for await (const row of store.auditRows()) {
          const entry = unsealed(row)
          if (entry !== undefined && matchesFilter(entry, rest)) rows.unshift(entry.id)
        }
        t.same(rows, found)
      }
      return found
    }
    t.same(await ids({ instance: { name: 'new' } }), [3, 2])
    t.same(await ids({ instance: { name: 'new', uid: 'u' } }), [3, 2, 1], 'under whatever name')
    t.same(await ids({ user: 'alice' }), [3, 1])
    t.same(await ids({ event: 'deploy' }), [2, 1])
    t.same(await ids({ since: '2026-01-02T00:00:00.000Z' }), [4, 3, 2])
    t.same(await ids({ until: '2026-01-02T00:00:00.000Z' }), [1], 'times stand in UTC')
    t.same(await ids({ user: 'alice', instance: { name: 'new', uid: 'u' }, before: 3 }), [1])
    await store.appendAudit([
      {
        at: '1970-01-01T00:00:00.000Z',
        receivedAt: '2026-01-05T00:00:00.000Z',
        event: 'sign-in',
        user: 'eve',
      },
    ])
    t.same(await ids({ since: '2026-01-05T00:00:00.000Z' }), [5], 'no instance hides an event by its clock')
    t.same(await ids({ until: '2026-01-02T00:00:00.000Z' }), [1])
  })

  clause('the end of a step is told with it, once', async (t, store) => {
    const origin = {
      author: 'Alice',
      subject: 'Remove a press',
      cause: 'change',
      allowed: 'all',
      allowedBy: 'op',
    }
    const begin = { planId: 'plan', revision: 'rev', uid: 'u', name: 'press', startedAt: at } as const
    const one = await store.beginAction({ ...begin, action: 'delete' }, origin)
    const two = await store.beginAction({ ...begin, action: 'create' })
    await store.beginAction({ ...begin, action: 'start' }, origin)
    t.same(await store.audit({ limit: 10 }), [], 'nothing is told of what has only begun')
    await store.endAction(one, { endedAt: at, outcome: 'applied' })
    await store.endAction(two, { endedAt: at, outcome: 'failed', error: 'no space' })
    await store.endAction(two, { endedAt: at, outcome: 'applied' })
    await store.closeInterrupted(at)
    await store.closeInterrupted(at)
    const about = { event: 'action', uid: 'u', instance: 'press', planId: 'plan', revision: 'rev', at }
    t.match(await store.audit({ limit: 10 }), [
      { id: 3, ...about, action: 'start', outcome: 'interrupted', ...origin },
      { id: 2, ...about, action: 'create', outcome: 'failed', message: 'no space' },
      { id: 1, ...about, action: 'delete', outcome: 'applied', ...origin },
    ])
    t.match(await headOf(store), { id: 3 })
  })

  clause('whose access changes is told when it does', async (t, store) => {
    await store.allot({ uid: 'u', name: 'press', driver: 'localfs', tokenSha256: 't' })
    const access = (roles: Readonly<Record<string, 'owner' | 'viewer'>>) =>
      applied('press', {
        spec: resolvedInstance('press', {
          access: Object.fromEntries(
            Object.entries(roles).map(([user, role]) => [user, { role, password: 'digest of a password' }]),
          ),
        }),
      })
    await store.saveApplied('u', access({ alice: 'owner', bob: 'viewer' }), step)
    await store.saveApplied('u', access({ alice: 'owner', bob: 'viewer' }), step)
    await store.saveApplied('u', access({ alice: 'viewer' }), step)
    await store.forget('u', step)
    await store.forget('u', step)
    const told = (await store.audit({ limit: 10 })).toReversed()
    t.match(told[0], { event: 'access', uid: 'u', instance: 'press', ...step })
    t.same(
      told.map(({ user, from, to }) => [user, from, to]),
      [
        ['alice', undefined, 'owner'],
        ['bob', undefined, 'viewer'],
        ['alice', 'owner', 'viewer'],
        ['bob', 'viewer', undefined],
        ['alice', 'viewer', undefined],
      ],
      'and what is told of an instance that is forgotten stays',
    )
    t.notMatch(JSON.stringify(told), /digest of a password/)
    await headOf(store)
  })

  clause('a refused plan is told once', async (t, store) => {
    const round = { planId: 'p', revision: 'r', cause: 'source', startedAt: at, endedAt: at, headline: 'h' }
    await store.addReconciliation({ ...round, outcome: 'converged' })
    for (const _ of [1, 2])
      await store.addReconciliation({ ...round, outcome: 'refused', author: 'Alice' }, ['max-deletions: two'])
    t.match(await store.audit({ limit: 10 }), [
      {
        id: 1,
        event: 'plan-refused',
        planId: 'p',
        revision: 'r',
        author: 'Alice',
        message: /max-deletions: two/,
      },
    ])
    t.equal((await store.audit({ limit: 10 })).length, 1)
  })

  clause('many at once stand one behind the other', async (t, store) => {
    const batches = Array.from({ length: 25 }, (_, batch) =>
      Array.from({ length: 1 + (batch % 4) }, (_, index): AuditFact => ({
        at,
        event: 'deploy',
        user: `user-${batch}`,
        target: String(index),
      })),
    )
    const appended = await Promise.all(batches.map(async (batch) => store.appendAudit(batch)))
    const total = batches.flat().length
    t.match(await headOf(store), { id: total })
    const ids = appended.flat().map(({ id }) => id)
    t.equal(new Set(ids).size, total)
    for (const [batch, entries] of appended.entries()) {
      t.same(
        entries.map(({ target }) => target),
        batches[batch]?.map(({ target }) => target),
      )
      t.ok(
        entries.every(({ id }, index) => id === (entries[0]?.id ?? 0) + index),
        'a batch stands together',
      )
    }
  })

  clause('whatever is told, the chain holds and gives it back', async (t, store) => {
    const told: AuditEntry[] = []
    await fc.assert(
      fc.asyncProperty(fc.array(arbitraryFact, { maxLength: 12 }), async (facts) => {
        const keys = new Set(told.flatMap(({ key }) => key ?? []))
        const appended = await store.appendAudit(facts)
        told.push(...appended)
        const fresh = facts.map(plainFact).filter(({ key }) => {
          if (key === undefined) return true
          const isNew = !keys.has(key)
          keys.add(key)
          return isNew
        })
        t.strictSame(appended.map(factOf), fresh)
        t.strictSame(await headOf(store), { id: told.length, hash: told.at(-1)?.hash ?? emptyHead.hash })
      }),
      { numRuns: 60 },
    )
    const read: AuditEntry[] = []
    for (let page = await store.audit({ limit: 7 }); page.length > 0;) {
      read.unshift(...page.toReversed())
      page = await store.audit({ limit: 7, before: page.at(-1)?.id ?? 0 })
    }
    t.strictSame(read, told)
  })
}

/** The head of a trail that is as it was written. */
export async function headOf(store: Store, noted?: ChainHead): Promise<ChainHead> {
  const verdict = await verifyChain(store.auditRows(), noted)
  if (!verdict.intact) throw new Error(`entry ${verdict.id}: ${verdict.problem}`)
  return verdict.head
}

function factOf({ id: _id, previous: _previous, hash: _hash, ...fact }: AuditEntry): AuditFact {
  return fact
}

const text = fc.string({ unit: 'binary', maxLength: 600 })
const time = fc
  .date({ min: new Date('1971-01-01'), max: new Date('9000-01-01'), noInvalidDate: true })
  .map((date) => date.toISOString())

const arbitraryFact: fc.Arbitrary<AuditFact> = fc.record(
  {
    at: time,
    event: fc.constantFrom(...auditEvents),
    receivedAt: time,
    key: fc.constantFrom('a', 'b', 'c', 'd', '\u0000', '__proto__'),
    uid: text,
    instance: text,
    user: text,
    author: text,
    subject: text,
    message: text,
    target: text,
    count: fc.nat(),
  },
  { requiredKeys: ['at', 'event'] },
)
