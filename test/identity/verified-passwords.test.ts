import t from 'tap'
import { VerifiedPasswords, type Verified } from '../../reconciler/identity/verified-passwords.ts'

const at = (ms: number): Date => new Date(1_000_000 + ms)

/** Answers as told, and counts how often it was asked. */
function verifier(answer: Verified) {
  const counted = { calls: 0, verify: async () => (counted.calls++, answer) }
  return counted
}

t.test('what was right is right for a minute, under the same hash', async (t) => {
  const verified = new VerifiedPasswords()
  const right = verifier('right')
  for (const ms of [0, 1, 59_999]) t.ok(await verified.check('header', 'hash', at(ms), right.verify))
  t.equal(right.calls, 1)
  t.ok(await verified.check('header', 'hash', at(60_000), right.verify))
  t.equal(right.calls, 2)
  t.notOk(await verified.check('header', 'new hash', at(60_001), verifier('wrong').verify))
  t.ok(await verified.check('header', 'hash', at(60_002), right.verify))
  t.equal(right.calls, 3)
})

t.test('what was wrong is wrong under the same hash, and is not asked of again', async (t) => {
  const verified = new VerifiedPasswords()
  const wrong = verifier('wrong')
  for (const ms of [0, 1, 3_600_000]) t.notOk(await verified.check('header', 'hash', at(ms), wrong.verify))
  t.equal(wrong.calls, 1)
  t.ok(await verified.check('header', 'new hash', at(0), verifier('right').verify))
  for (let index = 0; index <= 1000; index++)
    await verified.check(`header ${index}`, 'hash', at(0), verifier('wrong').verify)
  t.notOk(await verified.check('header 1000', 'hash', at(0), wrong.verify))
  t.equal(wrong.calls, 1)
  t.notOk(await verified.check('header 0', 'hash', at(0), wrong.verify), 'only so many are remembered')
  t.equal(wrong.calls, 2)
})

t.test('what was not checked, or failed, is asked again', async (t) => {
  const verified = new VerifiedPasswords()
  const unchecked = verifier('unchecked')
  for (let index = 0; index < 3; index++)
    t.notOk(await verified.check('header', 'hash', at(0), unchecked.verify))
  t.equal(unchecked.calls, 3)
  await t.rejects(verified.check('header', 'hash', at(0), async () => Promise.reject(new Error('outage'))))
  t.ok(await verified.check('header', 'hash', at(0), verifier('right').verify))
})

t.test('many at once ask once', async (t) => {
  const verified = new VerifiedPasswords()
  const right = verifier('right')
  await Promise.all(
    Array.from({ length: 20 }, async () => verified.check('header', 'hash', at(0), right.verify)),
  )
  t.equal(right.calls, 1)
})

t.test('only so many are remembered', async (t) => {
  const verified = new VerifiedPasswords()
  const right = verifier('right')
  for (let index = 0; index <= 1000; index++)
    await verified.check(`header ${index}`, 'hash', at(0), right.verify)
  t.equal(right.calls, 1001)
  await verified.check('header 1000', 'hash', at(0), right.verify)
  t.equal(right.calls, 1001)
  await verified.check('header 0', 'hash', at(0), right.verify)
  t.equal(right.calls, 1002)
})
