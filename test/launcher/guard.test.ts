import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { exited, portIsClosed, prepareLauncher, runs, startLauncher } from '../support/launcher.ts'
import { stubStack } from '../support/stub-stack.ts'
import { until } from '../support/until.ts'

/** A stub that starts a process of its own, in its own group, and says which. */
const withChild = `
const { spawn } = require('node:child_process')
const { writeFileSync } = require('node:fs')
const child = spawn('sleep', ['600'])
writeFileSync('pids', [process.pid, child.pid].join(' '))
writeFileSync('third', String(require('node:fs').existsSync('/proc/self/fd/3') && /socket|pipe/.test(require('node:fs').readlinkSync('/proc/self/fd/3'))))
require('node:http').createServer((_, response) => response.end()).listen(settings.uiPort, settings.uiHost)
`

t.test('SIGKILL of the launcher ends Node-RED at once', async (t) => {
  const launcher = await startLauncher(t)
  const { pid = 0 } = await launcher.state()
  t.ok(runs(pid))
  launcher.process.kill('SIGKILL')
  await until('Node-RED has ended', () => !runs(pid))
  await until('the port is free', () => portIsClosed(launcher.port))
})

t.test('what Node-RED started ends with it', async (t) => {
  const launcher = await prepareLauncher(t, {}, stubStack(t, withChild))
  launcher.launch()
  await launcher.when('it runs', ({ phase }) => phase === 'running')
  const pids = pidsOf(join(launcher.directory, 'user'))
  t.equal(pids.length, 2)
  t.ok(pids.every(runs))
  t.equal(
    readFileSync(join(launcher.directory, 'user', 'third'), 'utf8'),
    'false',
    'it does not hold the pipe',
  )
  launcher.process.kill('SIGKILL')
  await until('both have ended', () => !pids.some(runs))
  t.pass('nothing is left')
})

t.test('what a Node-RED that died has left behind is ended', async (t) => {
  const launcher = await prepareLauncher(t, {}, stubStack(t, withChild))
  launcher.launch()
  await launcher.when('it runs', ({ phase }) => phase === 'running')
  const [pid = 0, child = 0] = pidsOf(join(launcher.directory, 'user'))
  process.kill(pid, 'SIGKILL')
  await until('its child has ended', () => !runs(child))
  await launcher.when('it runs again', (state) => state.phase === 'running' && state.restarts === 1)
})

t.test('a launcher killed while it starts leaves nothing', async (t) => {
  const stack = stubStack(t, withChild)
  for (const delay of [20, 60, 90, 110, 130, 160, 200, 260]) {
    const launcher = await prepareLauncher(t, {}, stack)
    const user = join(launcher.directory, 'user')
    const process = launcher.launch()
    await sleep(delay)
    process.kill('SIGKILL')
    await exited(process)
    await until('nothing is left', () => pidsOf(user).every((pid) => !runs(pid)))
    await until('no watchdog is left', () => !anyProcess(launcher.directory))
    await until('the port is free', () => portIsClosed(launcher.port))
    t.pass(`nothing is left after ${delay} ms`)
  }
})

t.test('a watchdog that is killed is replaced', async (t) => {
  const launcher = await prepareLauncher(t, {}, stubStack(t, withChild))
  const parent = launcher.launch()
  await launcher.when('it runs', ({ phase }) => phase === 'running')
  const [pid = 0] = pidsOf(join(launcher.directory, 'user'))
  const watchdog = childrenOf(parent.pid ?? 0).find((child) => child !== pid) ?? 0
  process.kill(watchdog, 'SIGKILL')
  await until('there is a new one', () =>
    childrenOf(parent.pid ?? 0).some((child) => child !== pid && child !== watchdog && runs(child)),
  )
  t.ok(runs(pid), 'Node-RED runs on')
  parent.kill('SIGKILL')
  await until('Node-RED has ended', () => !runs(pid))
})

t.test('a Node-RED that ignores SIGTERM is killed in time', async (t) => {
  const stubborn = `process.on('SIGTERM', () => undefined)\n${withChild}`
  const launcher = await prepareLauncher(t, {}, stubStack(t, stubborn))
  launcher.launch()
  await launcher.when('it runs', ({ phase }) => phase === 'running')
  const pids = pidsOf(join(launcher.directory, 'user'))
  const asked = Date.now()
  launcher.process.kill('SIGTERM')
  t.equal(await exited(launcher.process), 0)
  t.ok(Date.now() - asked < 10_000, 'within 10 s, as promised')
  t.notOk(pids.some(runs))
})

t.test('SIGTERM twice waits for nobody', async (t) => {
  const stubborn = `process.on('SIGTERM', () => writeFileSync('asked', ''))\n${withChild}`
  const launcher = await prepareLauncher(t, {}, stubStack(t, stubborn))
  launcher.launch()
  await launcher.when('it runs', ({ phase }) => phase === 'running')
  const asked = Date.now()
  launcher.process.kill('SIGTERM')
  await until('Node-RED was asked', () => existsSync(join(launcher.directory, 'user', 'asked')))
  launcher.process.kill('SIGTERM')
  t.equal(await exited(launcher.process), 0)
  t.ok(Date.now() - asked < 5000, 'before the grace is over')
})

t.test('SIGTERM ends a launcher whose Node-RED never answers, or crashes', async (t) => {
  for (const body of ['setInterval(() => undefined, 1000)', 'process.exit(3)', 'for (;;);']) {
    const launcher = await prepareLauncher(t, {}, stubStack(t, body))
    launcher.launch()
    await launcher.when('it has been started', ({ pid, phase }) => pid !== undefined || phase === 'crashed')
    launcher.process.kill('SIGTERM')
    t.equal(await exited(launcher.process), 0)
  }
})

function pidsOf(user: string): number[] {
  const file = join(user, 'pids')
  return existsSync(file) ? readFileSync(file, 'utf8').split(' ').map(Number) : []
}

function childrenOf(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
  return children.trim().split(' ').filter(Boolean).map(Number)
}

/** Whether any process names the directory on its command line. */
function anyProcess(directory: string): boolean {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids.some((pid) => commandOf(pid).includes(directory))
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return ''
  }
}
