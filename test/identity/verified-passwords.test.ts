import t from 'tap'
import { VerifiedPasswords } from '../../reconciler/identity/verified-passwords.ts'

const at = (ms: number): Date => new Date(1_000_000 + ms)

/** Answers as told, and counts how often it was asked. */
function verifier(answer: boolean) {
  const counted = { calls: 0, verify: async () => (counted.calls++, answer) }
  return counted
}

t.test('what was right is right for a minute, under the same hash', async (t) => {
  const verified = new VerifiedPasswords()
  const right = verifier(true)
  for (const ms of [0, 1, 59_999]) t.ok(await verified.check('header', 'hash', at(ms), right.verify))
  t.equal(right.calls, 1)
  t.ok(await verified.check('header', 'hash', at(60_000), right.verify))
  t.equal(right.calls, 2)
  t.notOk(await verified.check('header', 'new hash', at(60_001), verifier(false).verify))
  t.ok(await verified.check('header', 'hash', at(60_002), right.verify))
  t.equal(right.calls, 3)
})

t.test('what was wrong, or failed, is asked again', async (t) => {
  const verified = new VerifiedPasswords()
  const wrong = verifier(false)
  for (let index = 0; index < 3; index++) t.notOk(await verified.check('header', 'hash', at(0), wrong.verify))
  t.equal(wrong.calls, 3)
  await t.rejects(verified.check('header', 'hash', at(0), async () => Promise.reject(new Error('outage'))))
  t.ok(await verified.check('header', 'hash', at(0), verifier(true).verify))
})

t.test('many at once ask once', async (t) => {
  const verified = new VerifiedPasswords()
  const right = verifier(true)
  await Promise.all(
    Array.from({ length: 20 }, async () => verified.check('header', 'hash', at(0), right.verify)),
  )
  t.equal(right.calls, 1)
})

t.test('only so many are remembered', async (t) => {
  const verified = new VerifiedPasswords()
  const right = verifier(true)
  for (let index = 0; index <= 1000; index++)
    await verified.check(`header ${index}`, 'hash', at(0), right.verify)
  t.equal(right.calls, 1001)
  await verified.check('header 1000', 'hash', at(0), right.verify)
  t.equal(right.calls, 1001)
  await verified.check('header 0', 'hash', at(0), right.verify)
  t.equal(right.calls, 1002)
})
