import type { Test } from 'tap'
import type { IdentityRecord } from '../../reconciler/model/identity-record.ts'
import type { Store } from '../../reconciler/store/store.ts'

/** What every store does with what the identity door keeps. `open` gives an empty one; closing it is the suite's affair. */
export function identityConformance(t: Test, open: (t: Test) => Promise<Store>): void {
  const clause = (name: string, run: (t: Test, store: Store) => Promise<void>) =>
    t.test(name, async (t) => {
      await using store = await open(t)
      await run(t, store)
    })

  const record = (id: string, more: Partial<IdentityRecord> = {}): IdentityRecord => ({
    kind: 'Session',
    id,
    content: `"${id}"`,
    expiresAt: 1000,
    ...more,
  })

  clause('a record is there until it expires, under its kind', async (t, store) => {
    await store.saveIdentityRecord(record('a', { session: 'lasting' }))
    t.same(await store.identityRecord('Session', 'a', 999), { content: '"a"' })
    t.same(await store.identityRecordOfSession('Session', 'lasting', 999), { content: '"a"' })
    t.equal(await store.identityRecord('Grant', 'a', 999), undefined)
    t.equal(await store.identityRecord('Session', 'a', 1000), undefined)
    t.equal(await store.identityRecordOfSession('Session', 'lasting', 1000), undefined)
    await store.saveIdentityRecord(record('a', { content: '"b"', expiresAt: 2000 }))
    t.same(await store.identityRecord('Session', 'a', 1000), { content: '"b"' })
    t.equal(await store.removeIdentityRecord('Session', 'a'), true)
    t.equal(await store.removeIdentityRecord('Session', 'a'), false)
    t.equal(await store.identityRecord('Session', 'a', 0), undefined)
  })

  clause('of many who use a record up, one does', async (t, store) => {
    await store.saveIdentityRecord(record('code'))
    const used = await Promise.all(
      Array.from({ length: 10 }, async () => store.consumeIdentityRecord('Session', 'code', 500)),
    )
    t.equal(used.filter(Boolean).length, 1)
    t.same(await store.identityRecord('Session', 'code', 600), { content: '"code"', consumedAt: 500 })
    t.equal(await store.consumeIdentityRecord('Session', 'another', 500), false)
  })

  clause('a grant takes along what hangs on it, and nothing else', async (t, store) => {
    await store.saveIdentityRecord(record('a', { kind: 'AccessToken', grant: 'one' }))
    await store.saveIdentityRecord(record('b', { kind: 'RefreshToken', grant: 'one' }))
    await store.saveIdentityRecord(record('c', { kind: 'AccessToken', grant: 'two' }))
    await store.saveIdentityRecord(record('d'))
    await store.revokeGrant('one')
    t.equal(await store.identityRecord('AccessToken', 'a', 0), undefined)
    t.equal(await store.identityRecord('RefreshToken', 'b', 0), undefined)
    t.ok(await store.identityRecord('AccessToken', 'c', 0))
    t.ok(await store.identityRecord('Session', 'd', 0))
  })

  clause('failures are counted in a window, all at once too', async (t, store) => {
    const count = async (by: 1 | -1, now: number) =>
      store.countSignInFailure({ key: 'alice', by, now, window: 100 })
    t.equal(await store.signInFailures('alice', 0), undefined)
    t.same(await count(1, 0), { count: 1, endsAt: 100 })
    await Promise.all(Array.from({ length: 9 }, async () => count(1, 50)))
    t.same(await store.signInFailures('alice', 99), { count: 10, endsAt: 100 })
    t.same(await count(-1, 99), { count: 9, endsAt: 100 })
    t.equal(await store.signInFailures('alice', 100), undefined)
    t.same(await count(-1, 100), { count: 0, endsAt: 200 }, 'never below nothing')
    t.equal(await store.signInFailures('bob', 50), undefined)
  })

  clause('what has expired is removed', async (t, store) => {
    await store.saveIdentityRecord(record('old'))
    await store.saveIdentityRecord(record('new', { expiresAt: 3000 }))
    await store.countSignInFailure({ key: 'old', by: 1, now: 0, window: 1000 })
    await store.removeExpiredIdentity(1000)
    t.equal(await store.identityRecord('Session', 'old', 0), undefined)
    t.ok(await store.identityRecord('Session', 'new', 0))
    t.equal(await store.signInFailures('old', 0), undefined)
  })
}
