import t from 'tap'
import { canonicalDigest } from '../../launcher/canonical-json.ts'
import { mayBeSet } from '../../launcher/child-environment.ts'
import { LineSplitter, LogBuffer, withoutControls } from '../../launcher/log-buffer.ts'
import { afterEnd } from '../../launcher/restart-policy.ts'
import { digestOf } from '../../reconciler/model/digest.ts'

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

t.test('the pause doubles up to a minute and begins anew after health', async (t) => {
  const delays = []
  let failures = 0
  for (let ends = 0; ends < 8; ends += 1) {
    const next = afterEnd(failures, 100)
    failures = next.failures
    delays.push(next.delayMs / 1000)
  }
  t.strictSame(delays, [1, 2, 4, 8, 16, 32, 60, 60])
  t.strictSame(afterEnd(7, 60_000), { failures: 1, delayMs: 1000 })
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
