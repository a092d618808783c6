import t from 'tap'
import { canonicalDigest } from '../../launcher/canonical-json.ts'
import {
  ask,
  portIsClosed,
  prepareLauncher,
  runs,
  startLauncher,
  type LauncherUnderTest,
} from '../support/launcher.ts'
import { stubStack } from '../support/stub-stack.ts'
import { until } from '../support/until.ts'

const listens = `
require('node:http').createServer((_, response) => response.end()).listen(settings.uiPort, settings.uiHost)
`
/** Listens, and then hears nothing any more. */
const hangs = `${listens}
setTimeout(() => { for (;;); }, 500)
`

const health = ({ adminPort }: LauncherUnderTest) => ask(`http://127.0.0.1:${adminPort}/health`)

t.test('health is 200 while Node-RED answers, and 503 the moment it is killed', async (t) => {
  const launcher = await prepareLauncher(t)
  launcher.launch()
  await launcher.when('it starts', ({ phase }) => phase === 'starting')
  t.equal((await health(launcher)).status, 503)
  const { pid = 0 } = await launcher.when('it runs', ({ phase }) => phase === 'running')
  const answer = await health(launcher)
  t.strictSame([answer.status, answer.text], [200, '{"phase":"running"}\n'])
  process.kill(pid, 'SIGKILL')
  t.equal((await health(launcher)).status, 503)
  await launcher.when('it runs again', ({ phase, restarts }) => phase === 'running' && restarts === 1)
  t.equal((await health(launcher)).status, 200)
})

t.test('health is 503 where Node-RED hangs', async (t) => {
  const launcher = await prepareLauncher(t, {}, stubStack(t, hangs))
  launcher.launch()
  await launcher.when('it runs', ({ phase }) => phase === 'running')
  await until('it is said', async () => (await health(launcher)).status === 503)
  t.equal((await launcher.state()).phase, 'running', 'before the launcher ends it')
})

t.test('one that was stopped is not healthy, and says that it is stopped', async (t) => {
  const launcher = await startLauncher(t)
  await launcher.admin('POST', '/stop')
  await launcher.when('it has stopped', ({ phase }) => phase === 'stopped')
  const answer = await health(launcher)
  t.strictSame([answer.status, answer.text], [503, '{"phase":"stopped"}\n'])
})

t.test('one that is stopped before it has settings is stopped, and stays so', async (t) => {
  const launcher = await prepareLauncher(t, {}, stubStack(t, listens))
  launcher.door.status = 500
  launcher.launch()
  await launcher.when('it waits', ({ message }) => message !== undefined)
  t.equal((await launcher.admin('POST', '/stop')).status, 202)
  await launcher.when('it has stopped', ({ phase }) => phase === 'stopped')
  launcher.door.status = 200
  await launcher.when('it has its settings', ({ port }) => port !== undefined)
  t.equal((await launcher.state()).phase, 'stopped')
  t.ok(await portIsClosed(launcher.port))
})

t.test('a token that is refused with a state ends Node-RED, and the launcher lives to say why', async (t) => {
  const launcher = await prepareLauncher(t, {}, stubStack(t, listens))
  launcher.launch()
  await launcher.when('it runs', ({ phase }) => phase === 'running')
  launcher.door.status = 401
  await launcher.admin('POST', '/restart')
  const { pid = 0 } = await launcher.when('it runs again', ({ phase }) => phase === 'running')
  const state = await launcher.when('it has stopped', ({ phase }) => phase === 'stopped')
  t.match(state.message, /refuses this instance's token/)
  t.notOk(runs(pid))
  t.ok(await portIsClosed(launcher.port))
  t.equal((await health(launcher)).text, '{"phase":"stopped"}\n')
})

t.test('where there is no editor, no flow is run to see whether Node-RED is there', async (t) => {
  const nodes = [
    { id: 'tab', type: 'tab', label: 'Silent' },
    { id: 'in', type: 'http in', z: 'tab', url: '/', method: 'get', wires: [['count']] },
    { id: 'count', type: 'function', z: 'tab', func: "node.warn('asked')", wires: [] },
  ]
  const flows = { digest: canonicalDigest(nodes), nodes }
  const launcher = await startLauncher(t, { flows, editor: { enabled: false, title: 'None' } })
  t.equal((await health(launcher)).status, 200)
  t.notMatch(launcher.console(), 'asked')
  // Again and again: Node-RED answers before its flows have begun. The flow answers nobody.
  const asked: Promise<unknown>[] = []
  await until('the flow is asked by others', () => {
    asked.push(fetch(`http://127.0.0.1:${launcher.port}/`).catch(() => undefined))
    return launcher.console().includes('asked')
  })
  launcher.process.kill('SIGKILL')
  await Promise.all(asked)
})
