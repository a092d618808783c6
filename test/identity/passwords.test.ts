import t from 'tap'
import { hashPassword, nobodysHash, verifyPassword } from '../../reconciler/identity/passwords.ts'
import { derive } from '../support/door-fixture.ts'
import { desiredState } from '../support/fleet-fixture.ts'

const quick = { bcrypt: 4 }
const nobodys = nobodysHash([], derive('nobodys-hash', 'somebody'))

t.test('a password is known by its hash', async (t) => {
  for (const [form, shape] of [
    ['argon2id', /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/],
    [quick, /^\$2[aby]\$04\$[./A-Za-z0-9]{53}$/],
  ] as const) {
    const hash = await hashPassword('pässwörd: with a colon', form)
    t.match(hash, shape)
    t.ok(await verifyPassword('pässwörd: with a colon', hash, nobodys))
    t.notOk(await verifyPassword('password', hash, nobodys))
    t.notOk(await verifyPassword('', hash, nobodys))
  }
  t.match(await hashPassword('some password'), /^\$argon2id\$/, 'argon2id unless something else is asked for')
})

t.test('nobody has no password', async (t) => {
  for (const hash of [nobodys, `$2b$04$${'.'.repeat(53)}`]) {
    t.notOk(await verifyPassword('anything', undefined, hash))
    t.notOk(await verifyPassword('', undefined, hash))
  }
})

t.test('what only looks like a hash is nobody’s', async (t) => {
  t.notOk(await verifyPassword('anything', '$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAA$!!', nobodys))
  t.notOk(await verifyPassword('anything', '$2b$04$short', nobodys))
})

t.test('a password that bcrypt would cut off is refused, and argon2id takes it', async (t) => {
  await t.rejects(hashPassword('x'.repeat(73), quick), /72 bytes/)
  await t.rejects(hashPassword('ä'.repeat(37), quick), /72 bytes/)
  await t.rejects(hashPassword('', quick), /empty/)
  await t.rejects(hashPassword(''), /empty/)
  t.ok(await hashPassword('x'.repeat(72), quick))
  const long = await hashPassword('x'.repeat(100))
  t.ok(await verifyPassword('x'.repeat(100), long, nobodys))
  t.notOk(await verifyPassword('x'.repeat(101), long, nobodys))
})

t.test('unknown users cost what declared ones cost, each always the same', async (t) => {
  const bcrypt = (cost: number) => `$2b$${cost}$${'.'.repeat(53)}`
  const argon2 = (hash: string) => `$argon2id$v=19$m=65536,t=3,p=4$${hash.repeat(22)}$${hash.repeat(43)}`
  const declared = { alice: bcrypt(12), bob: bcrypt(11), dora: bcrypt(12), victor: argon2('B') }
  const { users } = desiredState(declared)
  const without = Object.keys(declared).flatMap((name) => users.get(name) ?? [])
  const costOf = (name: string) => nobodysHash(without, derive('nobodys-hash', name))
  const strangers = Array.from({ length: 200 }, (_, index) => `stranger-${index}`)
  const counts = new Map<string, number>()
  for (const stranger of strangers) {
    t.equal(costOf(stranger), costOf(stranger))
    counts.set(costOf(stranger), (counts.get(costOf(stranger)) ?? 0) + 1)
  }
  t.strictSame([...counts.keys()].toSorted(), [bcrypt(11), bcrypt(12), argon2('A')].toSorted())
  t.ok((counts.get(bcrypt(12)) ?? 0) > (counts.get(bcrypt(11)) ?? 0), 'as often as among the declared')
  t.match(nobodys, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
})
