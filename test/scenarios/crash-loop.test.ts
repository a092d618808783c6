import t from 'tap'
import { greetingFlows, textAt } from '../support/answering-flow.ts'
import { asRecord, end, instanceManifest, password, setUpFleet } from '../support/fleet.ts'
import { runReconcile } from '../support/program.ts'
import { until } from '../support/until.ts'

/** Flows that end Node-RED as soon as they start, and say a secret before. */
const deadly = JSON.stringify([
  { id: 'tab', type: 'tab', label: 'Flow' },
  { id: 'in', type: 'inject', z: 'tab', props: [], once: true, onceDelay: '0.1', wires: [['fn']] },
  {
    id: 'fn',
    type: 'function',
    z: 'tab',
    func: "node.warn(env.get('API_KEY')); Promise.reject(new Error('out of control'))",
    wires: [],
    libs: [],
  },
])
const spec =
  'flows: { path: flows/press.json }, env: [ { name: API_KEY, value: canary-of-the-press }, { name: GREETING, value: hello } ]'

t.test(
  'an instance in safe mode is no drift, is not left to be ready, and is mended by a commit',
  async (t) => {
    const fleet = await setUpFleet(t)
    const { repository } = fleet
    await repository.write('flows/press.json', deadly)
    await repository.write('press.yaml', instanceManifest('press', spec))
    await repository.commit('Deadly flows')
    const server = await fleet.serve()
    const view = await until('it is safe', async () => {
      const seen = await fleet.instance('press')
      return seen?.['phase'] === 'safe' && seen
    })
    t.match(view, { ready: false, drifted: false })
    t.match(view['conditions'], [
      { type: 'Ready', status: 'False', reason: 'SafeMode', message: /until somebody deploys/ },
    ])
    const lastLines = JSON.stringify(asRecord(view['observed'])?.['lastLines'])
    t.match(lastLines, /out of control/)
    t.notMatch(lastLines, /canary/)
    await until('nothing is to be done', async () => {
      const plan = asRecord(await fleet.api('plan'))
      return Array.isArray(plan?.['actions']) && plan['actions'].length === 0
    })
    const listed = JSON.stringify(await fleet.api('instances'))
    t.notMatch(listed, /out of control/, 'what it said is for those who may read its log')
    const env = { WEIR_TOKEN: `alice:${password}` }
    const status = await runReconcile(['status', '--url', fleet.url], { env })
    t.match(status, { code: 1, stdout: /press +line +safe +no +no/ })
    const logs = await runReconcile(['logs', 'press', '--since', '1h', '--url', fleet.url], { env })
    t.match(logs, { code: 0, stdout: /Launcher of press[^]*Starting again in safe mode/ })
    const none = await runReconcile(['logs', 'press', '--since', 'today', '--url', fleet.url], { env })
    t.match(none, { code: 1, stderr: /give a time such as 2026-11-25T03:00Z/ })
    await until('the trail has it', async () => {
      const trail = JSON.stringify(await fleet.api('audit?instance=press'))
      return /"crashed"/.test(trail) && /"safe-mode"/.test(trail)
    })
    await until('it is sampled', async () => {
      const samples = asRecord(await fleet.api('instances/press/samples'))?.['samples']
      return Array.isArray(samples) && samples.length > 0
    })

    await end(server, 'SIGTERM')
    const [before] = fleet.nodeReds()
    const once = await fleet.run()
    t.equal(once.code, 1, 'it is not as declared')
    t.strictSame(fleet.nodeReds(), [before], 'and is not restarted in the hope that it will be')

    await repository.write('flows/press.json', greetingFlows())
    await repository.commit('Mend the flows')
    const mended = await fleet.run()
    t.equal(mended.code, 0, mended.stderr)
    t.equal(await textAt(`${String(view['url'])}hello`), 'hello')
  },
)
