import { existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { ChildLines } from '../support/child-lines.ts'
import { startWithSignIn } from '../support/launcher-with-sign-in.ts'
import {
  ask,
  exited,
  launcherMain,
  member,
  prepareLauncher,
  runs,
  startLauncher,
} from '../support/launcher.ts'

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

t.test('a launcher waits for the file that says what it is, where one is named', async (t) => {
  const launcher = await prepareLauncher(t)
  const [before, named] = [
    join(launcher.directory, 'launcher.json'),
    join(launcher.directory, '../told.json'),
  ]
  const whole = readFileSync(before)
  rmSync(before)
  const told = ['--directory', launcher.directory, '--bootstrap', named]
  const child = new ChildLines(t, process.execPath, [launcherMain, ...told])
  t.equal(await child.line(), `launcher: takes what it is told from ${named}`)
  writeFileSync(`${named}.new`, whole)
  renameSync(`${named}.new`, named)
  await launcher.when('Node-RED runs', ({ phase }) => phase === 'running')
  child.process.kill('SIGTERM')
  t.equal(await exited(child.process), 0)
  t.notOk(existsSync(before), 'nothing of it is written into the directory')
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
