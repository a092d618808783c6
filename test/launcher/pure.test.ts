import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { canonicalDigest } from '../../launcher/canonical-json.ts'
import { mayBeSet } from '../../launcher/child-environment.ts'
import { FlowsFile } from '../../launcher/flows-file.ts'
import { LineSplitter, LogBuffer, withoutControls } from '../../launcher/log-buffer.ts'
import { afterEnd } from '../../launcher/restart-policy.ts'
import { sameText } from '../../launcher/same-text.ts'
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

t.test('texts are the same only where every character is', async (t) => {
  const texts = ['', 'Bearer a', 'Bearer b', 'Bearer', 'Bearer a ', '\u0000', 'ü', 'Bearer a\u0000']
  for (const given of texts)
    for (const expected of texts) t.equal(sameText(given, expected), given === expected)
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
