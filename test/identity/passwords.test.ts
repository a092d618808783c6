import t from 'tap'
import { hashPassword, nobodysHash, verifyPassword } from '../../reconciler/identity/passwords.ts'
import { desiredState } from '../support/fleet-fixture.ts'

const quick = { bcrypt: 4 }

t.test('a password is known by its hash', async (t) => {
  for (const [form, shape] of [
    ['argon2id', /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/],
    [quick, /^\$2[aby]\$04\$[./A-Za-z0-9]{53}$/],
  ] as const) {
    const hash = await hashPassword('pässwörd: with a colon', form)
    t.match(hash, shape)
    t.ok(await verifyPassword('pässwörd: with a colon', hash))
    t.notOk(await verifyPassword('password', hash))
    t.notOk(await verifyPassword('', hash))
  }
  t.match(await hashPassword('some password'), /^\$argon2id\$/, 'argon2id unless something else is asked for')
})

t.test('nobody has no password', async (t) => {
  for (const nobodys of [nobodysHash([]), `$2b$04$${'.'.repeat(53)}`]) {
    t.notOk(await verifyPassword('anything', undefined, nobodys))
    t.notOk(await verifyPassword('', undefined, nobodys))
  }
})

t.test('what only looks like a hash is nobody’s', async (t) => {
  t.notOk(await verifyPassword('anything', '$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAA$!!'))
  t.notOk(await verifyPassword('anything', '$2b$04$short'))
})

t.test('a password that bcrypt would cut off is refused, and argon2id takes it', async (t) => {
  await t.rejects(hashPassword('x'.repeat(73), quick), /72 bytes/)
  await t.rejects(hashPassword('ä'.repeat(37), quick), /72 bytes/)
  await t.rejects(hashPassword('', quick), /empty/)
  await t.rejects(hashPassword(''), /empty/)
  t.ok(await hashPassword('x'.repeat(72), quick))
  const long = await hashPassword('x'.repeat(100))
  t.ok(await verifyPassword('x'.repeat(100), long))
  t.notOk(await verifyPassword('x'.repeat(101), long))
})

t.test('an unknown user costs what most users cost', async (t) => {
  const costs = (hashes: Record<string, string>) => {
    const { users } = desiredState(hashes)
    return nobodysHash(Object.keys(hashes).flatMap((name) => users.get(name) ?? []))
  }
  const bcrypt = (cost: number) => `$2b$${cost}$${'.'.repeat(53)}`
  const argon2 = `$argon2id$v=19$m=65536,t=3,p=4$${'B'.repeat(22)}$${'B'.repeat(43)}`
  t.match(costs({ alice: bcrypt(12), bob: bcrypt(11), dora: bcrypt(12) }), /^\$2b\$12\$\.{53}$/)
  t.match(
    costs({ alice: argon2, bob: bcrypt(11), dora: argon2 }),
    /^\$argon2id\$v=19\$m=65536,t=3,p=4\$A{22}\$A{43}$/,
  )
  t.match(nobodysHash([]), /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
})
