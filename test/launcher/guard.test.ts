import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { LauncherPhase } from '../../launcher/wire.ts'
import {
  exited,
  portIsClosed,
  prepareLauncher,
  runs,
  startLauncher,
  type LauncherUnderTest,
} from '../support/launcher.ts'
import { statOf } from '../support/process-stat.ts'
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

interface Start {
  readonly launcher: LauncherUnderTest
  readonly user: string
  readonly pid: number
}

/** How far a start may have come when its launcher is killed: what is seen of it, and the processes it has by then. */
const stages: readonly (readonly [string, (start: Start) => unknown, number])[] = [
  ['it has its settings', ({ user }) => existsSync(join(user, 'settings.js')), 0],
  ['there is a watchdog', ({ pid }) => childrenOf(pid).length > 0, 1],
  ['there is a process beside it', ({ pid }) => childrenOf(pid).length > 1, 2],
  ['Node-RED has begun', ({ user }) => pidsOf(user).length > 0, 2],
  ['Node-RED listens', async ({ launcher }) => !(await portIsClosed(launcher.port)), 2],
  ['the launcher calls it running', async ({ launcher }) => (await phaseOf(launcher)) === 'running', 2],
]

for (const [stage, reached, processes] of stages)
  t.test(`a launcher killed once ${stage} leaves nothing`, async (t) => {
    const launcher = await prepareLauncher(t, {}, stubStack(t, withChild))
    const process = launcher.launch()
    const start = { launcher, user: join(launcher.directory, 'user'), pid: process.pid ?? 0 }
    await until(stage, async () => Boolean(await reached(start)), { every: 1 })
    // it starts nothing more while its children are counted
    process.kill('SIGSTOP')
    await until('it stands still', () => statOf(start.pid)?.state === 'T', { every: 1 })
    const children = childrenOf(start.pid)
    t.ok(children.length >= processes, `${children.length} processes are guarded`)
    process.kill('SIGKILL')
    await exited(process)
    await until('watchdog and Node-RED have ended', () => !children.some(runs))
    await until('nothing of their groups is left', () => groupsOf(children).length === 0)
    await until('the port is free', () => portIsClosed(launcher.port))
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

async function phaseOf(launcher: LauncherUnderTest): Promise<LauncherPhase | undefined> {
  return launcher.state().then(
    ({ phase }) => phase,
    () => undefined,
  )
}

function childrenOf(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
  return children.trim().split(' ').filter(Boolean).map(Number)
}

/** The processes that run in the groups that these processes made, whoever their parent is by now. */
function groupsOf(leaders: readonly number[]): readonly number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids.map(Number).filter((pid) => runs(pid) && leaders.includes(statOf(pid)?.group ?? 0))
}
