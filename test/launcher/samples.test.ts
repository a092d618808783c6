import { createRequire } from 'node:module'
import t from 'tap'
import { canonicalDigest } from '../../launcher/canonical-json.ts'
import { ChildReports } from '../../launcher/child-reports.ts'
import { Samples } from '../../launcher/samples.ts'
import type { LauncherSample } from '../../launcher/wire.ts'
import { startLauncher } from '../support/launcher.ts'
import { until } from '../support/until.ts'

const require = createRequire(import.meta.url)
const { createSampler } = require('../../launcher/plugins/reports/sampler.cjs')

const sampleAt = (seconds: number): LauncherSample => ({
  at: new Date(seconds * 1000).toISOString(),
  cpu: 0.25,
  memory: 1e8,
  loopDelayMean: 1,
  loopDelayP99: 2,
  sent: seconds,
  received: 4,
})

t.test('the last samples are kept, oldest first, and told since a moment', async (t) => {
  const samples = new Samples(3)
  t.strictSame(samples.since(0), [])
  for (const seconds of [10, 20, 30, 40]) samples.add(sampleAt(seconds))
  t.strictSame(samples.since(0), [20, 30, 40].map(sampleAt))
  t.strictSame(samples.since(30_000), [sampleAt(40)])
})

t.test('an hour is kept', async (t) => {
  const samples = new Samples()
  for (let nth = 1; nth <= 1000; nth += 1) samples.add(sampleAt(nth * 10))
  t.equal(samples.since(0).length, 360)
})

t.test('what is no report is dropped, whatever it is', async (t) => {
  const [taken, flows]: [LauncherSample[], number[]] = [[], []]
  const reports = new ChildReports({ flows: () => flows.push(1), sample: (sample) => taken.push(sample) })
  const good = `${JSON.stringify(['sample', 10_000, 0.25, 1e8, 1, 2, 10, 4])}\n`
  const bad = [
    '',
    '{',
    'null',
    '"flows"',
    '["sample"]',
    '["sample",1,2]',
    '["sample",1e300,1,1,1,1,1,1]',
    '{"0":"flows"}',
  ]
  for (const text of [...bad, '\u0000\ufffd', 'x'.repeat(100_000)]) reports.take(Buffer.from(`${text}\n`))
  t.strictSame([taken, flows], [[], []])
  for (const byte of Buffer.from(`${good}["flows",1]\n`)) reports.take(Buffer.of(byte))
  t.strictSame(taken, [sampleAt(10)])
  t.equal(flows.length, 1)
  reports.take(Buffer.from('["sample",10000,-1,"x",null,0,0,0]\n'))
  t.match(taken.at(-1), { cpu: 0, memory: 0, loopDelayMean: 0 })
})

t.test('rates are per second of the time that has passed', async (t) => {
  const [counts, time] = [{ sent: 5, received: 5 }, { now: 0 }]
  const sample = createSampler({ counts, now: () => time.now })
  counts.sent = 105
  counts.received = 25
  time.now = 20_000
  const [cpu, memory, mean, p99, sent, received] = sample()
  t.strictSame([sent, received], [5, 1])
  t.ok(memory > 1e6 && cpu >= 0 && mean >= 0 && p99 >= 0)
  time.now = 30_000
  t.strictSame(sample().slice(4), [0, 0])
})

/** Ten messages a second through one wire. */
const busy = [
  { id: 'tab', type: 'tab', label: 'Flow' },
  {
    id: 'in',
    type: 'inject',
    z: 'tab',
    props: [],
    repeat: '0.1',
    once: true,
    onceDelay: 0.1,
    wires: [['out']],
  },
  { id: 'out', type: 'function', z: 'tab', func: 'return null', wires: [], libs: [] },
  { id: 'env', type: 'http in', z: 'tab', url: '/env', method: 'get', wires: [['fn']] },
  {
    id: 'fn',
    type: 'function',
    z: 'tab',
    func: "msg.payload = String(env.get('WEIR_REPORT')); return msg",
    wires: [['answer']],
    libs: [],
  },
  { id: 'answer', type: 'http response', z: 'tab', wires: [] },
]

t.test('a real Node-RED tells how it is', async (t) => {
  const flows = { digest: canonicalDigest(busy), nodes: busy }
  const launcher = await startLauncher(t, { flows })
  const read = async (query = ''): Promise<readonly LauncherSample[]> =>
    JSON.parse((await launcher.admin('GET', `/samples${query}`)).text).samples
  const [first, second] = await until('there are two samples', async () => {
    const samples = await read()
    return samples.length > 1 && samples
  })
  if (first === undefined || second === undefined) throw new Error('no samples')
  const apart = Date.parse(second.at) - Date.parse(first.at)
  t.ok(apart > 9000 && apart < 30_000, `${apart} ms apart`)
  t.ok(second.sent > 5 && second.sent < 15, `${second.sent} sent a second`)
  // an inject node is given its own trigger
  t.ok(second.received > 10 && second.received < 30, `${second.received} received a second`)
  t.ok(second.memory > 30e6 && second.memory < 1e9)
  t.ok(second.cpu > 0 && second.cpu < 2)
  t.strictSame((await read(`?since=${first.at}`)).at(0), second)
  t.equal((await launcher.admin('GET', '/samples?since=x')).status, 400)
  const answer = await fetch(`http://127.0.0.1:${launcher.port}/env`)
  t.notMatch(await answer.text(), /^\d+$/, 'flows do not see where reports go')
})
