import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { canonicalDigest } from '../../launcher/canonical-json.ts'
import type { LauncherState } from '../../launcher/wire.ts'
import { answeringFlow, textAt } from '../support/answering-flow.ts'
import { deadly } from '../support/deadly-flow.ts'
import { ask, exited, member, portIsClosed, prepareLauncher, runs, settingsFor } from '../support/launcher.ts'
import { prepareWithSignIn } from '../support/launcher-with-sign-in.ts'
import { stubStack } from '../support/stub-stack.ts'
import { until } from '../support/until.ts'

const listens = `
require('node:http').createServer((_, response) => response.end()).listen(settings.uiPort, settings.uiHost)
`
/** Ends at once, with success, unless it is started in safe mode. */
const loops = `
console.log('the key is ' + process.env.API_KEY)
console.error('giving up')
if (!process.argv.includes('--safe')) process.exit(0)
${listens}`
/** Ends in safe mode too, unless somebody has mended it. */
const hopeless = `
if (!require('node:fs').existsSync('mended')) process.exit(3)
${listens}`

t.test('a crash loop comes to safe mode, and what went wrong is told without secrets', async (t) => {
  const env = { API_KEY: 'very-secret-key' }
  const launcher = await prepareLauncher(t, { env }, stubStack(t, loops))
  launcher.launch()
  await launcher.when('it has crashed', ({ phase }) => phase === 'crashed')
  t.equal((await ask(`http://127.0.0.1:${launcher.adminPort}/health`)).status, 503)
  const state = await launcher.when('it is safe', ({ phase }) => phase === 'safe')
  t.match(state, {
    restarts: 5,
    message: /its editor is up and its flows are stopped until somebody deploys/,
  })
  t.ok(runs(state.pid ?? 0))
  t.strictSame(state.lastLines?.slice(-2), ['the key is [redacted]', 'giving up'])
  t.match(launcher.console(), /Starting again in safe mode/)
  await until('the door has heard of it', () => launcher.door.states.at(-1)?.state.phase === 'safe')
  const health = await ask(`http://127.0.0.1:${launcher.adminPort}/health`)
  t.strictSame([health.status, health.text], [200, '{"phase":"safe"}\n'])

  await until('the trail has heard of it', () => launcher.door.events.length === 6)
  t.strictSame(
    launcher.door.events.map(({ event }) => event),
    ['crashed', 'crashed', 'crashed', 'crashed', 'crashed', 'safe-mode'],
  )
  t.equal(new Set(launcher.door.events.map(({ id }) => id)).size, 6)

  t.match(JSON.parse((await launcher.admin('POST', '/reload')).text), { restarted: false })
  t.equal((await launcher.state()).phase, 'safe', 'the same settings are no reason to leave it')
  launcher.door.settings = settingsFor(launcher.port, { digest: 'digest-2', env: { ...env, MORE: '1' } })
  const answer = await launcher.admin('POST', '/reload')
  t.match(JSON.parse(answer.text), { restarted: true, state: { phase: 'crashed', settings: 'digest-2' } })
})

t.test('those that end in safe mode too are left alone until somebody wants them', async (t) => {
  const base = t.testdir({ one: {}, two: {}, three: {} })
  const givenUp = async (name: string) => {
    const place = { testdir: () => join(base, name), teardown: (end: () => unknown) => t.teardown(end) }
    const launcher = await prepareLauncher(place, {}, stubStack(t, hopeless))
    launcher.launch()
    const state = await launcher.when('it is given up', (seen) => seen.phase === 'crashed' && gaveUp(seen))
    return { launcher, state }
  }
  const [{ launcher, state }, { launcher: second }, { launcher: third }] = await Promise.all([
    givenUp('one'),
    givenUp('two'),
    givenUp('three'),
  ])
  t.match(state.message, /exit code 3.*in safe mode too.*before its settings or flows change/)
  t.equal(state.restarts, 7)
  t.equal(state.pid, undefined)
  t.ok(await portIsClosed(launcher.port))
  t.equal((await ask(`http://127.0.0.1:${launcher.adminPort}/health`)).text, '{"phase":"crashed"}\n')
  t.match(launcher.console(), /Not starting again/)

  writeFileSync(join(launcher.directory, 'user/mended'), '')
  t.equal((await launcher.admin('POST', '/start')).status, 202, 'it answers at once')
  await launcher.when('it runs', ({ phase, message }) => phase === 'running' && message === undefined)

  t.equal((await second.admin('POST', '/restart')).status, 202)
  await second.when('it has ended again', (seen) => seen.phase === 'crashed' && !gaveUp(seen))
  t.equal((await second.admin('POST', '/stop')).status, 202)
  await second.when('it has stopped', ({ phase }) => phase === 'stopped')

  third.process.kill('SIGTERM')
  t.equal(await exited(third.process), 0)
})

function gaveUp({ message = '' }: LauncherState): boolean {
  return message.includes('is not started again')
}

/** Flows whose start ends Node-RED. */

t.test('a real Node-RED with deadly flows: a deploy in safe mode ends safe mode', async (t) => {
  const flows = { digest: canonicalDigest(deadly), nodes: deadly }
  const { launcher, signIn } = await prepareWithSignIn(t, { flows, members: [member('olga', '*')] })
  launcher.launch()
  const state = await launcher.when('it is safe', ({ phase }) => phase === 'safe')
  t.match(state.lastLines?.join('\n'), /out of control/)
  t.ok(existsSync(join(launcher.directory, 'user/flows.json')))
  const editor = `http://127.0.0.1:${launcher.port}`
  const headers = {
    authorization: `Bearer ${await signIn('olga')}`,
    'content-type': 'application/json',
  }
  t.match((await ask(`${editor}/flows`, { headers })).text, /out of control/, 'they can be mended')
  const body = JSON.stringify(answeringFlow('/mended', "'mended'"))
  const deployed = await ask(`${editor}/flows`, { method: 'POST', headers, body })
  t.ok(deployed.status < 300, deployed.text)
  const after = await launcher.when('it runs', ({ phase }) => phase === 'running')
  t.equal(after.pid, state.pid)
  t.equal(after.message, undefined)
  t.equal(after.lastLines, undefined)
  t.equal(await textAt(`${editor}/mended`), 'mended')
})
