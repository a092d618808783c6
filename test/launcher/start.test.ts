import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { LauncherBootstrap } from '../../launcher/wire.ts'
import { ChildLines } from '../support/child-lines.ts'
import { startWithSignIn } from '../support/launcher-with-sign-in.ts'
import {
  ask,
  exited,
  launcherMain,
  member,
  portIsClosed,
  prepareLauncher,
  runs,
  startLauncher,
} from '../support/launcher.ts'
import { until } from '../support/until.ts'

const guarded = [
  '/flows',
  '/settings',
  '/nodes',
  '/comms',
  '/library',
  '/context',
  '/library/local/flows',
  '/context/global',
]

t.test('a launcher brings its Node-RED up, closed to strangers from the first moment', async (t) => {
  const launcher = await prepareLauncher(t)
  launcher.launch()
  const seen = new Set<number>()
  const over = new AbortController()
  const probe = async (path: string) => {
    while (!over.signal.aborted) {
      const answer = await ask(`http://127.0.0.1:${launcher.port}${path}`).catch(() => undefined)
      if (answer !== undefined) seen.add(answer.status)
    }
  }
  const probes = guarded.map((path) => probe(path))
  const state = await launcher.when('Node-RED runs', ({ phase }) => phase === 'running')
  over.abort()
  await Promise.all(probes)
  for (const path of guarded) seen.add((await ask(`http://127.0.0.1:${launcher.port}${path}`)).status)
  t.strictSame([...seen], [401])
  t.match(state, {
    uid: 'uid-1',
    name: 'press-1',
    fleet: 'fleet-1',
    settings: 'digest-1',
    settingsFile: 'intact',
    modules: {},
    restarts: 0,
    port: launcher.port,
  })
  t.equal(launcher.door.states.at(-1)?.state.phase, 'running')
  for (const file of ['user/settings.js', 'user/members.json', 'settings.json', 'console.log']) {
    t.equal(statSync(join(launcher.directory, file)).mode & 0o777, 0o600, file)
  }
  t.equal(statSync(join(launcher.directory, 'user')).mode & 0o777, 0o700)
})

t.test('SIGTERM ends both', async (t) => {
  const launcher = await startLauncher(t)
  const { pid = 0 } = await launcher.state()
  launcher.process.kill('SIGTERM')
  t.equal(await exited(launcher.process), 0)
  t.notOk(runs(pid))
  t.equal(launcher.door.states.at(-1)?.state.phase, 'stopped')
})

/** A launcher as in a container, which is told what it is by a file that is gone with it. */
async function prepareTold(t: Test) {
  const launcher = await prepareLauncher(t)
  const { directory, bootstrap } = launcher
  rmSync(join(directory, 'launcher.json'))
  const named = join(directory, '../told.json')
  const start = () => {
    rmSync(named, { force: true })
    const told = ['--directory', directory, '--bootstrap', named]
    return new ChildLines(t, process.execPath, [launcherMain, ...told])
  }
  const tell = (changes: Partial<LauncherBootstrap> = {}) => {
    writeFileSync(`${named}.new`, JSON.stringify({ ...bootstrap, ...changes }))
    renameSync(`${named}.new`, named)
  }
  const runs = async () => launcher.when('Node-RED runs', ({ phase }) => phase === 'running')
  return { launcher, named, start, tell, runs, kept: join(directory, 'bootstrap.json') }
}

t.test('a launcher waits for the file that says what it is, where one is named', async (t) => {
  const { launcher, named, start, tell, runs, kept } = await prepareTold(t)
  const child = start()
  t.equal(await child.line(), `launcher: takes what it is told from ${named}`)
  tell()
  await runs()
  t.equal(statSync(kept).mode & 0o777, 0o600)
  child.process.kill('SIGTERM')
  t.equal(await exited(child.process), 0)

  const elsewhere = { ...JSON.parse(readFileSync(kept, 'utf8')), container: 'another' }
  writeFileSync(kept, JSON.stringify(elsewhere))
  const copied = start()
  await copied.line()
  copied.process.kill('SIGTERM')
  t.equal(await exited(copied.process), 0, 'one that waits ends when it is asked to')
  t.equal(
    launcher.door.states.at(-1)?.state.phase,
    'stopped',
    'where its volume was copied it does not start',
  )
})

t.test('a launcher that was told what it is comes up without being told again', async (t) => {
  const { launcher, start, tell, runs } = await prepareTold(t)
  const first = start()
  tell()
  await runs()
  await first.kill()
  await until('the port is free', () => portIsClosed(launcher.port))

  launcher.door.status = 503
  const second = start()
  const { pid } = await runs()
  launcher.door.status = 200
  tell({ name: 'another' })
  await until('what it was told is kept', () =>
    readFileSync(join(launcher.directory, 'bootstrap.json'), 'utf8').includes('another'),
  )
  t.equal((await runs()).pid, pid, 'the same, or another name, is no reason to begin again')
  second.process.kill('SIGTERM')
  await exited(second.process)

  const third = start()
  await runs()
  tell({ adminToken: 'another-token' })
  const state = async () => launcher.admin('GET', '/state', 'another-token')
  await until('the new token counts', async () => (await state().catch(() => undefined))?.status === 200)
  await until('Node-RED runs', async () => JSON.parse((await state()).text).phase === 'running')
  t.equal((await launcher.admin('GET', '/state')).status, 401, 'and the former one no more')
  third.process.kill('SIGTERM')
  t.equal(await exited(third.process), 0)

  const fourth = start()
  await until(
    'what it was told last counts',
    async () => (await state().catch(() => undefined))?.status === 200,
  )
  await fourth.kill()
})

t.test('members sign in with what Git allows them', async (t) => {
  const members = [member('olga', '*'), member('vera', 'read'), member('dan', '')]
  const { editor, signIn } = await startWithSignIn(t, { members })
  const get = async (token: string | undefined, method = 'GET') =>
    (
      await ask(`${editor}flows`, {
        method,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        ...(method === 'POST' ? { body: '[]' } : {}),
      })
    ).status
  const [olga, vera, dan] = [await signIn('olga'), await signIn('vera'), await signIn('dan')]
  t.equal(await get(olga), 200)
  t.equal(await get(olga, 'POST'), 204)
  t.equal(await get(vera), 200)
  t.equal(await get(vera, 'POST'), 401)
  t.equal(dan, undefined)
  t.equal(await signIn('olga', 'wrong'), undefined)
  t.equal(await signIn('nobody'), undefined)
})
