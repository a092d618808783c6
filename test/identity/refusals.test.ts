import { join } from 'node:path'
import t, { type Test } from 'tap'
import { createSignInJournal, type SignInEvent } from '../../reconciler/identity/sign-in-journal.ts'
import { openSqliteStore } from '../../reconciler/store/sqlite-store.ts'
import { hashes } from '../support/door-fixture.ts'
import { fleetStatus, now } from '../support/fleet-fixture.ts'

/** A journal that lets three refusals of a kind have entries, over a real store; `later` moves the clock, in minutes. */
async function openJournal(t: Test) {
  let time = Date.parse(now)
  const clock = { now: () => new Date(time) }
  const store = await openSqliteStore({ file: join(t.testdir({}), 'weir.db'), clock, newId: () => 'fleet-1' })
  t.teardown(async () => store[Symbol.asyncDispose]())
  const { desired, inventory } = fleetStatus(hashes)
  const directory = {
    people: () => desired,
    instance: (uid: string) => inventory.get(uid),
    urls: () => [],
  }
  const outage = { now: false }
  const journal = createSignInJournal({
    store: {
      appendAudit: async (facts) => {
        if (outage.now) throw new Error('the store is away')
        return store.appendAudit(facts)
      },
    },
    directory,
    clock,
    refusals: { entries: 3, window: 3600 },
  })
  const refused = async (user: string | undefined, more: Partial<SignInEvent> = {}) =>
    journal.tell({
      event: 'sign-in-refused',
      user,
      clientId: 'uid-press',
      message: 'wrong name or password',
      address: '192.0.2.1',
      ...more,
    })
  const trail = async () =>
    (await store.audit({ limit: 50 }))
      .toReversed()
      .map(({ event, user, message, count }) => [event, user, message?.replace(/.*, from /, ''), count])
  return { journal, refused, trail, outage, later: (minutes: number) => (time += minutes * 60_000) }
}

t.test('the same refusal is told once, and an hour later how often it was repeated', async (t) => {
  const { journal, refused, trail, later } = await openJournal(t)
  for (let index = 0; index < 5; index++) await refused('alice', { address: `2001:db8::${index}` })
  await refused('alice', { address: '192.0.2.2' })
  await journal.settle()
  const first = [
    ['sign-in-refused', 'alice', '2001:db8::0', undefined],
    ['sign-in-refused', 'alice', '192.0.2.2', undefined],
  ]
  t.strictSame(await trail(), first, 'one for each network')
  later(60)
  await journal.settle()
  await journal.settle()
  const repeated = ['sign-in-refused', 'alice', '2001:db8::0', 4]
  t.strictSame(await trail(), [...first, repeated])
  await refused('alice')
  t.strictSame((await trail()).at(-1), ['sign-in-refused', 'alice', '192.0.2.1', undefined], 'told anew')
})

t.test('a flood of strangers takes few entries, and hides no declared person', async (t) => {
  const { journal, refused, trail, later } = await openJournal(t)
  for (let index = 0; index < 50; index++) await refused(`stranger-${index}`, { address: `192.0.2.${index}` })
  for (let index = 0; index < 5; index++) await refused('bob', { address: `192.0.2.${index}` })
  await refused('alice')
  await refused('bob', { event: 'access-refused', message: 'not-a-member' })
  await journal.settle(true)
  const told = await trail()
  t.strictSame(
    told.filter(([, user]) => user === undefined),
    [
      ...['192.0.2.0', '192.0.2.1', '192.0.2.2'].map((from) => [
        'sign-in-refused',
        undefined,
        from,
        undefined,
      ]),
      ['gap', undefined, 'more refusals than have room here, of people who are not declared', 47],
    ],
  )
  t.strictSame(
    told.filter(([, user]) => user !== undefined),
    [
      ...['192.0.2.0', '192.0.2.1', '192.0.2.2'].map((from) => ['sign-in-refused', 'bob', from, undefined]),
      ['sign-in-refused', 'alice', '192.0.2.1', undefined],
      ['access-refused', 'bob', '192.0.2.1', undefined],
      ['gap', 'bob', 'more refusals than have room here', 2],
    ],
    'what somebody did in the name of bob does not hide what bob did',
  )
  later(1)
  await refused('stranger-51')
  t.equal((await trail()).length, told.length + 1)
})

t.test('what the store does not take is told later', async (t) => {
  const { journal, refused, trail, outage } = await openJournal(t)
  outage.now = true
  await t.rejects(refused('alice'), /away/)
  outage.now = false
  await refused('alice')
  await refused('alice')
  outage.now = true
  await t.rejects(journal.settle(true), /away/)
  outage.now = false
  await journal.settle()
  await journal.settle()
  t.strictSame(await trail(), [
    ['sign-in-refused', 'alice', '192.0.2.1', undefined],
    ['sign-in-refused', 'alice', '192.0.2.1', 1],
  ])
})

t.test('every sign-in is told', async (t) => {
  const { refused, trail } = await openJournal(t)
  for (let index = 0; index < 5; index++) await refused('alice', { event: 'sign-in', message: 'by password' })
  t.equal((await trail()).length, 5)
})
