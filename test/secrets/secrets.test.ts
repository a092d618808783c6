import { mkdirSync, rmdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { systemClock } from '../../reconciler/telemetry/clock.ts'
import { Secret } from '../../reconciler/model/secret.ts'
import { derive, fingerprint, openFleetKey } from '../../reconciler/secrets/fleet-key.ts'
import { createSecretFolder } from '../../reconciler/secrets/secret-folder.ts'

const signal = AbortSignal.timeout(30_000)

t.test('a folder of secrets', async (t) => {
  const folder = t.testdir({ one: 'value\n', two: 'value\n\n', empty: '', nested: {} })
  const found = await createSecretFolder(folder, systemClock).read(
    new Set(['one', 'two', 'empty', 'nested', 'none']),
    signal,
  )
  t.strictSame(
    [...found].map(([name, secret]) => [name, secret.reveal()]),
    [
      ['one', 'value'],
      ['two', 'value\n'],
      ['empty', ''],
    ],
  )
  t.equal((await createSecretFolder(undefined, systemClock).read(new Set(['one']), signal)).size, 0)
  await t.rejects(createSecretFolder(folder, systemClock).read(new Set(['one']), AbortSignal.abort()))
})

t.test('the key of a fleet is made once, for its owner alone', async (t) => {
  const folder = t.testdir({ bad: 'short' })
  const file = join(folder, 'key')
  t.equal(await openFleetKey(file, { create: false }), undefined)
  const key = await openFleetKey(file, { create: true })
  const again = await openFleetKey(file, { create: true })
  const inTheWay = join(folder, 'key.new')
  mkdirSync(inTheWay)
  t.ok(await openFleetKey(file, { create: true }), 'one that is there needs no room beside it')
  rmdirSync(inTheWay)
  if (key === undefined || again === undefined) throw new Error('no key was made')
  t.ok(key.reveal().equals(again.reveal()))
  t.equal(statSync(file).mode & 0o777, 0o600)
  await t.rejects(openFleetKey(join(folder, 'bad'), { create: true }), {
    message: /does not hold a fleet key/,
  })
  const print = (name: string, value: string): string => fingerprint(key, name, new Secret(value))
  t.equal(print('a', 'x'), print('a', 'x'))
  t.equal(new Set([print('a', 'x'), print('b', 'x'), print('a', 'y')]).size, 3)
  t.not(derive(key, 'runtime', 'u').reveal(), derive(key, 'admin', 'u').reveal())
})
