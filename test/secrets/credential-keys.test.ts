import { createHash, randomBytes } from 'node:crypto'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import * as fc from 'fast-check'
import t, { type Test } from 'tap'
import {
  credentialKeyOf,
  keepDerivedKeys,
  openCredentialKeys,
} from '../../reconciler/control/credential-keys.ts'
import type { SealedKey } from '../../reconciler/model/credential-keys.ts'
import { Secret } from '../../reconciler/model/secret.ts'
import { derive, fingerprint, type FleetKey } from '../../reconciler/secrets/fleet-key.ts'
import { decryptCredentials, encryptCredentials } from '../../reconciler/secrets/node-credentials.ts'
import { sealKey, unsealKey } from '../../reconciler/secrets/sealed-key.ts'
import { openSqliteStore } from '../../reconciler/store/sqlite-store.ts'
import { applied } from '../support/inventory-fixtures.ts'
import { resolvedInstance } from '../support/make-instance.ts'

const { createCredentialKeys } = createRequire(import.meta.url)(
  '../../launcher/plugins/storage/credential-keys.cjs',
)
const clock = { now: () => new Date('2026-01-02T03:04:05Z') }
const master: FleetKey = new Secret(createHash('sha256').update('a master key').digest())
const anyKey = fc.string({ minLength: 1 })
const anyCredentials = fc.dictionary(fc.string(), fc.dictionary(fc.string(), fc.string()), {
  noNullPrototype: true,
})
const vector = fc.uint8Array({ minLength: 16, maxLength: 16 })

t.test('credentials open with their key and no other, here and in Node-RED', async () => {
  fc.assert(
    fc.property(anyCredentials, anyKey, anyKey, vector, (plain, key, other, bytes) => {
      const file = encryptCredentials(new Secret(plain), new Secret(key), bytes)
      const same =
        JSON.stringify(decryptCredentials(file, new Secret(key))?.reveal()) === JSON.stringify(plain)
      const closed = key === other || decryptCredentials(file, new Secret(other)) === undefined
      // two bytes may be the empty object by chance under any key
      return same && (closed || Object.keys(plain).length === 0)
    }),
  )
  fc.assert(
    fc.property(anyCredentials, anyKey, anyKey, vector, (plain, before, after, bytes) => {
      const old = encryptCredentials(new Secret(plain), new Secret(before), bytes)
      const renewed = createCredentialKeys([after, before]).underKeyInForce(old)
      const opened = decryptCredentials(renewed, new Secret(after))?.reveal()
      return Object.keys(plain).length === 0 || JSON.stringify(opened) === JSON.stringify(plain)
    }),
  )
})

t.test('what is under the key in force, or no known one, is left as it is', async (t) => {
  const keys = createCredentialKeys(['now', 'before'])
  const plain = new Secret({ n1: { password: 'hidden' } })
  const current = encryptCredentials(plain, new Secret('now'), randomBytes(16))
  t.equal(keys.underKeyInForce(current), current)
  const open = { n1: { password: 'hidden' } }
  t.equal(keys.underKeyInForce(open), open, 'Node-RED encrypts it')
  t.equal(keys.underKeyInForce(encryptCredentials(plain, new Secret('lost'), randomBytes(16))), undefined)
  const old = encryptCredentials(plain, new Secret('before'), randomBytes(16))
  t.ok(keys.same(old, current, [{ id: 'n1' }]))
  const other = encryptCredentials(new Secret({ n1: { password: 'x' } }), new Secret('now'), randomBytes(16))
  t.notOk(keys.same(other, current, [{ id: 'n1' }]))
  t.ok(keys.same(other, current, [{ id: 'n2' }]), 'of other nodes nothing counts')
})

t.test('a sealed key opens for its instance under its master key alone', async (t) => {
  const sealed = sealKey(master, 'uid-1', new Secret('a key'), randomBytes(12))
  t.equal(unsealKey(master, 'uid-1', sealed).reveal(), 'a key')
  t.notMatch(Buffer.from(sealed, 'base64url').toString('latin1'), /a key/)
  const other: FleetKey = new Secret(randomBytes(32))
  const bytes = Buffer.from(sealed, 'base64url')
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1
  for (const [key, uid, text] of [
    [other, 'uid-1', sealed],
    [master, 'uid-2', sealed],
    [master, 'uid-1', bytes.toString('base64url')],
    [master, 'uid-1', ''],
  ] as const)
    t.throws(() => unsealKey(key, uid, text), { name: 'KeyError', message: /cannot be unsealed/ })
})

async function openStore(t: Test, uids: readonly string[]) {
  const file = join(t.testdir({}), 'data', 'weir.db')
  const store = await openSqliteStore({ file, clock, newId: () => 'fleet' })
  t.teardown(async () => store[Symbol.asyncDispose]())
  for (const uid of uids)
    await store.allot({ uid, name: uid, driver: 'localfs', firstPort: 12_080, tokenSha256: uid })
  return { store, master, clock, randomBytes }
}

t.test('every instance has a key of its own, made once', async (t) => {
  const parts = await openStore(t, ['a', 'b'])
  const keys = await openCredentialKeys(parts)
  const spec = resolvedInstance('a')
  t.equal(keys.inForce('a', spec), undefined)
  for (const uid of ['a', 'b', 'a']) await keys.keep(uid, spec, new Map())
  const own = keys.inForce('a', spec)?.reveal()
  t.match(own, /^[\w-]{43}$/)
  t.not(own, keys.inForce('b', spec)?.reveal())
  const rows: readonly SealedKey[] = await parts.store.credentialKeys()
  t.equal(rows.length, 2)
  t.notMatch(JSON.stringify(rows), own ?? '')
  const again = await openCredentialKeys(parts)
  t.equal(again.inForce('a', spec)?.reveal(), own)
  const other = await openCredentialKeys({ ...parts, master: new Secret(randomBytes(32)) })
  t.throws(() => other.inForce('a', spec), { name: 'KeyError' })
})

t.test('a declared key is kept beside those before it, and only as it was planned', async (t) => {
  const parts = await openStore(t, ['a'])
  const keys = await openCredentialKeys(parts)
  const declared = (value: string) => ({
    credentialSecret: { secret: 's', fingerprint: fingerprint(master, 's', new Secret(value)) },
  })
  const values = (value: string) => new Map([['s', new Secret(value)]])
  await keys.keep('a', declared('one'), values('one'))
  t.equal(keys.inForce('a', declared('one'))?.reveal(), 'one')
  t.equal(keys.earlier('a', declared('one')).length, 1, 'its own is kept')
  await t.rejects(keys.keep('a', declared('two'), values('three')), /has changed since the plan/)
  await t.rejects(keys.keep('a', declared('two'), new Map()))
  t.equal(keys.inForce('a', declared('two')), undefined)
  await keys.keep('a', declared('two'), values('two'))
  t.ok(keys.earlier('a', declared('two')).some((key) => key.reveal() === 'one'))
  t.ok(
    keys.earlier('a', {}).some((key) => key.reveal() === 'two'),
    'and back to its own',
  )
  await keys.keep('a', declared('one'), new Map())
  const keyOf = credentialKeyOf(keys, () => values('read'))
  t.equal(keyOf(resolvedInstance('a', declared('one')), 'a')?.reveal(), 'read', 'a check tries what is there')
  t.equal(keyOf(resolvedInstance('a'), undefined), undefined)
})

t.test('instances from before keep the key that was derived for them', async (t) => {
  const parts = await openStore(t, ['old', 'new', 'allotted'])
  const spec = resolvedInstance('old')
  const keys = await openCredentialKeys(parts)
  await keys.keep('new', spec, new Map())
  for (const uid of ['old', 'new']) await parts.store.saveApplied(uid, applied(uid))
  await keepDerivedKeys(parts)
  await keepDerivedKeys(parts)
  const after = await openCredentialKeys(parts)
  t.equal(after.inForce('old', spec)?.reveal(), derive(master, 'credentials', 'old').reveal())
  t.equal(after.inForce('new', spec)?.reveal(), keys.inForce('new', spec)?.reveal())
  t.equal(after.inForce('allotted', spec), undefined)
  t.equal((await parts.store.credentialKeys()).length, 2)
})
