import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { RuntimeSettings } from '../../launcher/wire.ts'
import { exited, member, prepareLauncher, settingsFor } from '../support/launcher.ts'
import { openRegistry } from '../support/npm-registry.ts'
import { stubStack } from '../support/stub-stack.ts'
import { until } from '../support/until.ts'

/** Answers once there is a file `go` in the userDir, and takes it away. */
const waits = `
const fs = require('node:fs')
const timer = setInterval(() => {
  if (!fs.existsSync('go')) return
  fs.rmSync('go')
  clearInterval(timer)
  require('node:http').createServer((_, response) => response.end()).listen(settings.uiPort, settings.uiHost)
}, 10)`
const late = { modules: { late: '1.0.0' } }
const [olga, mallory] = [member('olga', '*'), member('mallory', '*')]

/** An instance of settings that are `digest-1`, and a package `late` that the registry does not answer about. */
async function setUp(t: Test, changes: Partial<RuntimeSettings>) {
  const registry = await openRegistry(t, mkdtempSync(join(tmpdir(), 'weir-registry-')), [
    { name: 'late', version: '1.0.0' },
  ])
  registry.mute.add('late')
  const launcher = await prepareLauncher(t, changes, stubStack(t, waits))
  const { door, port, admin, directory } = launcher
  let given: RuntimeSettings | undefined
  const members = () => readFileSync(join(directory, 'user/members.json'), 'utf8')
  return {
    registry,
    launcher,
    members,
    go: () => writeFileSync(join(directory, 'user/go'), ''),
    running: (digest: string) =>
      launcher.when(`it runs on ${digest}`, (seen) => seen.phase === 'running' && seen.settings === digest),
    npmHasAsked: () => until('npm has asked', () => registry.asked.includes('/late')),
    /** Settles when the launcher has these settings; they are applied, or wait their turn, when `answer` has not settled. */
    reload: async (digest: string, wanted: Partial<RuntimeSettings>) => {
      const settings = settingsFor(port, { digest, ...wanted })
      Object.defineProperty(door, 'settings', {
        configurable: true,
        get: () => {
          given = settings
          return settings
        },
      })
      const answer = admin('POST', '/reload')
      await until('it has them', () => given === settings)
      await launcher.state()
      return { answer }
    },
  }
}

t.test('one that is refused its settings while modules are installed stays stopped', async (t) => {
  const { registry, launcher, go, running, reload, npmHasAsked } = await setUp(t, {})
  launcher.launch()
  await until('its folder is there', () => existsSync(join(launcher.directory, 'user')))
  go()
  await running('digest-1')
  const installing = await reload('digest-2', late)
  await npmHasAsked()
  const queued = await reload('digest-2', late)
  launcher.door.status = 401
  t.match(await launcher.admin('POST', '/reload'), { status: 502, text: /refuses this instance's token/ })
  registry.speak()
  for (const { answer } of [installing, queued])
    t.match(await answer, { status: 502, text: /refuses this instance's token/ })
  const state = await launcher.when('it has stopped', ({ phase }) => phase !== 'stopping')
  t.match(state, { phase: 'stopped', message: /refuses this instance's token/ })
  t.strictSame(state.modules, {})
  t.match(await launcher.admin('POST', '/reload'), { status: 502 })
  t.equal((await launcher.state()).phase, 'stopped')

  launcher.door.status = 200
  const allowed = await reload('digest-3', {})
  go()
  t.match(await allowed.answer, { status: 200, text: /"restarted":true/ })
})

t.test('the newest settings wait for no older ones, and let nobody back in', async (t) => {
  const { launcher, go, members, reload } = await setUp(t, { members: [olga] })
  launcher.launch()
  await launcher.when('it starts', ({ settings, phase }) => settings !== undefined && phase === 'starting')
  const both = [olga, mallory]
  const first = await reload('digest-2', { env: { A: '1' }, members: both })
  const second = await reload('digest-3', { env: { A: '2' }, members: both, ...late })
  const third = await reload('digest-4', { env: { A: '2' }, members: both })
  const newest = await reload('digest-5', { env: { A: '2' }, members: [olga] })
  for (const { answer } of [first, second, third])
    t.match(await answer, { status: 502, text: /Newer settings have come/ })
  t.notMatch(members(), 'mallory')
  go()
  t.match(JSON.parse((await newest.answer).text), { state: { phase: 'running', settings: 'digest-5' } })
  t.notMatch(members(), 'mallory')
})

t.test('who is withdrawn while modules are installed is not let back in when they are there', async (t) => {
  const { registry, launcher, go, running, members, reload, npmHasAsked } = await setUp(t, {
    members: [olga, mallory],
  })
  launcher.launch()
  await until('its folder is there', () => existsSync(join(launcher.directory, 'user')))
  go()
  await running('digest-1')
  const installing = await reload('digest-2', { members: [olga, mallory], ...late })
  await npmHasAsked()
  launcher.door.members = { uid: 'uid-1', digest: 'digest-3', base: 'another', members: [olga] }
  const narrowing = launcher.admin('POST', '/reload')
  await until('she is gone', () => !members().includes('mallory'))
  registry.speak()
  await launcher.when('it starts', ({ settings, phase }) => settings === 'digest-2' && phase === 'starting')
  t.notMatch(members(), 'mallory')
  go()
  t.match(await installing.answer, { status: 200 })
  await narrowing
  t.notMatch(members(), 'mallory')
})

t.test('settings that need no module end an installation that hangs', async (t) => {
  const { launcher, go, reload, npmHasAsked } = await setUp(t, late)
  launcher.launch()
  await launcher.when('it installs', ({ phase }) => phase === 'installing')
  await npmHasAsked()
  const mended = await reload('digest-2', {})
  go()
  t.match(JSON.parse((await mended.answer).text), {
    restarted: true,
    state: { phase: 'running', settings: 'digest-2', modules: {} },
  })
})

t.test('until something has run, the newest settings are those to start from', async (t) => {
  const { registry, launcher, go, running, reload, npmHasAsked } = await setUp(t, {
    modules: { absent: '1.0.0' },
  })
  launcher.launch()
  await launcher.when('it cannot be installed', ({ phase }) => phase === 'crashed')
  const mended = await reload('digest-2', late)
  const unanswered = t.rejects(mended.answer)
  await npmHasAsked()
  const relaunch = async () => {
    launcher.process.kill('SIGKILL')
    await exited(launcher.process)
    launcher.door.status = 503
    launcher.launch()
  }
  await relaunch()
  await unanswered
  registry.speak()
  go()
  await running('digest-2')

  registry.mute.add('late')
  launcher.door.status = 200
  const failing = await reload('digest-3', { modules: { absent: '1.0.0' } })
  t.match(await failing.answer, { status: 502 })
  await relaunch()
  go()
  await running('digest-2')
})
