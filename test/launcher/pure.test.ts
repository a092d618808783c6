import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { canonicalDigest } from '../../launcher/canonical-json.ts'
import { mayBeSet } from '../../launcher/child-environment.ts'
import { FlowsFile } from '../../launcher/flows-file.ts'
import { LineSplitter, LogBuffer, withoutControls } from '../../launcher/log-buffer.ts'
import { afterLife, noTroubles, type Troubles } from '../../launcher/restart-policy.ts'
import { hasAll, narrowed, withoutGone } from '../../launcher/narrowed.ts'
import { sameText } from '../../launcher/same-text.ts'
import type { Member, MemberLeft } from '../../launcher/wire.ts'
import { digestOf } from '../../reconciler/model/digest.ts'
import { settingsFor } from '../support/launcher.ts'

t.test('the launcher and the reconciler agree on digests', async (t) => {
  const values = [
    null,
    true,
    0,
    -0,
    1e21,
    1e-7,
    'ü\u2028"\\\u0000😀',
    [],
    {},
    { b: 1, a: [{ d: null, c: 'x' }] },
    { é: 1, 'e\u0301': 2, '😀': 3, '\ufb33': 4 },
  ]
  for (const value of values) t.equal(canonicalDigest(value), digestOf(value))
})

t.test('texts are the same only where every character is', async (t) => {
  const texts = ['', 'Bearer a', 'Bearer b', 'Bearer', 'Bearer a ', '\u0000', 'ü', 'Bearer a\u0000']
  for (const given of texts)
    for (const expected of texts) t.equal(sameText(given, expected), given === expected)
})

t.test('who is narrowed bears a digest only with all that it stands for', async (t) => {
  const token = (sha256: string) => ({ tokens: [{ sha256 }] })
  const olga: Member = { username: 'olga', permissions: 'read', proof: 'p', ...token('a') }
  const otto: Member = { username: 'otto', permissions: '', proof: 'p', passwordHash: 'h' }
  const settings = { ...settingsFor(1880, { digest: 'before', base: 'base' }), members: [olga, otto] }
  const told = (...members: readonly MemberLeft[]) => {
    const now = { uid: 'uid-1', digest: 'now', base: 'base', members }
    const next = narrowed(settings, now)
    t.equal(hasAll(next, now), next.digest === 'now')
    t.notOk(
      hasAll(next, { ...now, digest: next.digest, members: [...members, { ...olga, username: 'eve' }] }),
    )
    return next
  }
  const { tokens: _, ...without } = olga
  t.match(told(otto, olga).digest, 'now', 'the order means nothing')
  t.match(told(olga), { digest: 'now', members: [olga] })
  t.match(told({ ...olga, displayName: 'Olga' }), { digest: 'now', members: [{ displayName: 'Olga' }] })
  t.match(told(without, { ...otto, passwordHash: 'other', proof: 'q' }), { digest: 'now' })
  const { members, digest } = told({ ...olga, ...token('b') })
  t.strictSame([members, digest], [[without], 'before'], 'a token that was exchanged')
  t.equal(told(olga, { ...otto, username: 'eve' }).digest, 'before', 'somebody new')
  t.equal(told({ ...olga, passwordHash: 'h' }).digest, 'before', 'a first password')
  t.equal(told({ ...olga, permissions: '*' }).digest, 'before', 'a right')
  t.equal(told({ username: 'olga', permissions: 'read' }).digest, 'before', 'of whom nothing is known')
})

t.test('newer settings take members away from those in force, and give them nothing', async (t) => {
  const olga: Member = { username: 'olga', permissions: '*', proof: 'p', passwordHash: 'h' }
  const otto: Member = { username: 'otto', permissions: 'read', proof: 'p' }
  const settings = { ...settingsFor(1880, { digest: 'before', base: 'base' }), members: [olga, otto] }
  const left = (...members: readonly Member[]) =>
    withoutGone(settings, { ...settings, digest: 'after', members })
  t.equal(left(otto, olga), settings, 'nobody is gone')
  t.match(left(olga), { digest: 'before', members: [olga] })
  t.strictSame(left(olga, { ...otto, permissions: '*' }, { ...otto, username: 'eve' }).members, [olga, otto])
  const { passwordHash: _, ...withoutPassword } = olga
  t.strictSame(left(withoutPassword).members, [olga], 'whose password is told no more, and the same')
  t.strictSame(left({ ...withoutPassword, proof: 'q' }).members, [{ ...withoutPassword, proof: 'q' }])
  t.strictSame(left({ ...olga, passwordHash: 'other', proof: 'q' }).members, [
    { ...olga, passwordHash: 'other', proof: 'q' },
  ])
})

t.test('flows on disk have the digest of the declared ones exactly where they are these', async (t) => {
  const nodes = [{ id: 'a', type: 'tab', info: { y: 1, x: [null] } }]
  const declared = { digest: digestOf(nodes), nodes }
  const others = [...nodes, { id: 'b', type: 'tab' }]
  const path = join(t.testdir({}), 'flows.json')
  const flows = new FlowsFile(path)
  t.equal(flows.digest(declared), undefined, 'there are none')
  t.ok(flows.ensure(declared))
  t.notOk(flows.ensure(declared), 'they are there')
  t.equal(flows.digest(undefined), declared.digest)
  for (const [index, written] of [others, nodes, []].entries()) {
    await writeFile(path, ' '.repeat(index) + JSON.stringify(written))
    t.equal(flows.digest(declared), digestOf(written))
    t.equal(new FlowsFile(path).digest(undefined), digestOf(written), 'whatever is declared')
  }
})

/** The modes and pauses (in seconds) of lives that each end so long after the one before, as far as they go. */
function livesOf(count: number, apartMs: number, life: { started: boolean; healthyMs: number }): string[] {
  const told: string[] = []
  let troubles: Troubles = noTroubles
  for (let nth = 1; nth <= count; nth += 1) {
    const next = afterLife(troubles, { at: nth * apartMs, ...life })
    told.push(next === 'give-up' ? next : `${next.troubles.mode} ${next.delayMs / 1000}`)
    if (next === 'give-up') break
    troubles = next.troubles
  }
  return told
}

t.test('a crash loop leads to safe mode, and from there to an end of trying', async (t) => {
  t.strictSame(livesOf(9, 5000, { started: true, healthyMs: 100 }), [
    'normal 1',
    'normal 2',
    'normal 4',
    'normal 8',
    'safe 1',
    'safe 2',
    'safe 4',
    'give-up',
  ])
})

t.test('one that ends every two minutes, healthy between, is a loop all the same', async (t) => {
  const told = livesOf(9, 120_000, { started: true, healthyMs: 110_000 })
  t.equal(told.indexOf('safe 1'), 4)
  t.equal(told.at(-1), 'give-up')
})

t.test('one that ends every five minutes is a loop within the hour', async (t) => {
  const told = livesOf(20, 300_000, { started: true, healthyMs: 290_000 })
  t.equal(told.indexOf('safe 1'), 9)
  t.strictSame([told.length, told.at(-1)], [16, 'give-up'])
})

t.test('ends of another hour do not count', async (t) => {
  const nine = Array.from({ length: 9 }, (_, nth) => nth * 300_000)
  const troubles = { mode: 'normal', failures: 1, ends: nine } as const
  const endAt = (at: number) => afterLife(troubles, { at, started: true, healthyMs: 290_000 })
  t.match(endAt(3_599_999), { troubles: { mode: 'safe' } })
  t.match(endAt(3_600_000), { troubles: { mode: 'normal', ends: [...nine.slice(1), 3_600_000] } })
})

t.test('one that ends three times an hour is started for ever', async (t) => {
  const told = livesOf(50, 1_200_000, { started: true, healthyMs: 1_190_000 })
  t.strictSame([...new Set(told)], ['normal 1'])
  t.equal(told.length, 50)
})

t.test('what fails before Node-RED is started is tried for ever, and is no crash', async (t) => {
  const told = livesOf(20, 5000, { started: false, healthyMs: 0 })
  t.strictSame(
    told.slice(0, 8),
    [1, 2, 4, 8, 16, 32, 60, 60].map((delay) => `normal ${delay}`),
  )
  t.equal(told.length, 20)
})

t.test('a stream of bytes becomes lines', async (t) => {
  const splitter = new LineSplitter(8)
  const bytes = Buffer.from('one\r\ntwö\nlonger than eight\nrest')
  const lines = [...bytes].flatMap((byte) => splitter.push(Buffer.of(byte)))
  t.strictSame([...lines, ...splitter.end()], ['one', 'twö', 'longer t', 'han eigh', 't', 'rest'])
  t.equal(withoutControls('a\tb\u001b[31mc\u0007\u009b'), 'a\tb[31mc')
})

t.test('the buffer keeps the last lines', async (t) => {
  const buffer = new LogBuffer(3)
  for (const text of ['1', '2', '3', '4']) buffer.push({ at: '', source: 'launcher', text })
  t.strictSame(
    buffer.tail(10).map(({ text }) => text),
    ['2', '3', '4'],
  )
  t.strictSame(
    buffer.tail(1).map(({ text }) => text),
    ['4'],
  )
  t.strictSame(buffer.tail(0), [])
})

t.test('an instance sets no variable that changes how things start', async (t) => {
  for (const name of [
    'NODE_OPTIONS',
    'LD_PRELOAD',
    'DYLD_INSERT_LIBRARIES',
    'NODE_RED_HOME',
    'PATH',
    'a b',
    '',
    'BASH_ENV',
  ]) {
    t.notOk(mayBeSet(name, 'x'), name)
  }
  t.notOk(mayBeSet('NUL', 'a\0b'))
  for (const name of ['PLC_HOST', 'NODE_ENV', '_x9']) t.ok(mayBeSet(name, 'x'), name)
})
