import t from 'tap'
import { hashPassword, usualCost, verifyPassword } from '../../reconciler/identity/passwords.ts'
import { desiredState } from '../support/fleet-fixture.ts'

t.test('a password is known by its hash', async (t) => {
  const hash = await hashPassword('pässwörd: with a colon', 4)
  t.match(hash, /^\$2[aby]\$04\$[./A-Za-z0-9]{53}$/)
  t.ok(await verifyPassword('pässwörd: with a colon', hash))
  t.notOk(await verifyPassword('password', hash))
  t.notOk(await verifyPassword('', hash))
})

t.test('nobody has no password', async (t) => {
  t.notOk(await verifyPassword('anything', undefined, 4))
  t.notOk(await verifyPassword('', undefined, 4))
})

t.test('a password that bcrypt would cut off is refused', async (t) => {
  await t.rejects(hashPassword('x'.repeat(73), 4), /72 bytes/)
  await t.rejects(hashPassword('ä'.repeat(37), 4), /72 bytes/)
  await t.rejects(hashPassword('', 4), /empty/)
  t.ok(await hashPassword('x'.repeat(72), 4))
})

t.test('an unknown user costs what most users cost', async (t) => {
  const hashes = {
    alice: `$2b$12$${'.'.repeat(53)}`,
    bob: `$2b$11$${'.'.repeat(53)}`,
    dora: `$2b$12$${'.'.repeat(53)}`,
  }
  const { users } = desiredState(hashes)
  const declared = Object.keys(hashes).flatMap((name) => users.get(name) ?? [])
  t.equal(usualCost(declared), 12)
  t.equal(usualCost([]), 10)
})
