import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import type { RuntimeSettings } from '../../launcher/wire.ts'
import { ask, exited, member, settingsFor, startLauncher } from '../support/launcher.ts'
import { nodePackage, openRegistry } from '../support/npm-registry.ts'
import { until } from '../support/until.ts'

const randomNode = 'node-red-node-random'

t.test('modules are what Git says, and the old Node-RED runs on where npm fails', async (t) => {
  const members = [member('olga', '*')]
  const launcher = await startLauncher(t, { members: [...members, member('vera', 'read')] })
  const { port, door, admin, directory } = launcher
  t.notOk(existsSync(join(directory, 'user/package-lock.json')), 'npm was not asked')
  const { pid } = await launcher.state()

  const vera = { authorization: 'Bearer vera-token' }
  t.equal((await ask(`http://127.0.0.1:${port}/flows`, { headers: vera })).status, 200)
  const without = { digest: 'digest-2', members, modules: { [randomNode]: '999.0.0' } }
  door.settings = settingsFor(port, without)
  const before = readFileSync(join(directory, 'user/package.json'), 'utf8')
  const failed = await admin('POST', '/reload')
  t.equal(failed.status, 502)
  t.match(JSON.parse(failed.text), {
    error: /npm could not install/,
    state: { phase: 'running', pid, settings: 'digest-1' },
  })
  t.equal(readFileSync(join(directory, 'user/package.json'), 'utf8'), before)
  const gone = await ask(`http://127.0.0.1:${port}/flows`, { headers: vera })
  t.equal(gone.status, 401, 'who is gone is gone, whatever npm says')

  door.settings = settingsFor(port, { digest: 'digest-3', members, modules: { [randomNode]: '0.4.1' } })
  t.match(JSON.parse((await admin('POST', '/reload')).text), {
    restarted: true,
    state: { phase: 'running', settings: 'digest-3', modules: { [randomNode]: '0.4.1' } },
  })
  const authorization = 'Bearer olga-token'
  const headers = { authorization, accept: 'application/json' }
  t.match((await ask(`http://127.0.0.1:${port}/nodes`, { headers })).text, randomNode)

  door.settings = settingsFor(port, { digest: 'digest-4', members })
  t.match(JSON.parse((await admin('POST', '/reload')).text), { restarted: true, state: { modules: {} } })
  t.notOk(existsSync(join(directory, 'user/node_modules', randomNode)))
})

const [olga, vera] = [member('olga', '*'), member('vera', 'read')]
const declared = 'node-red-contrib-declared'

async function setUp(t: Parameters<typeof startLauncher>[0], modules: RuntimeSettings['modules']) {
  const packages = [nodePackage(declared, '1.0.0'), nodePackage('node-red-contrib-late', '1.0.0')]
  const registry = await openRegistry(t, mkdtempSync(join(tmpdir(), 'weir-registry-')), packages)
  const launcher = await startLauncher(t, { members: [olga, vera], modules })
  const reload = async (digest: string, changes: Partial<RuntimeSettings>) => {
    launcher.door.settings = settingsFor(launcher.port, { members: [olga], digest, ...changes })
    return launcher.admin('POST', '/reload')
  }
  const flowsAs = async (name: string) => {
    const headers = { authorization: `Bearer ${name}-token` }
    return (await ask(`http://127.0.0.1:${launcher.port}/flows`, { headers })).status
  }
  return { registry, launcher, reload, flowsAs }
}

t.test('what cannot be installed keeps nothing down, also not after a start', async (t) => {
  const modules = { [declared]: '1.0.0' }
  const { registry, launcher, reload, flowsAs } = await setUp(t, modules)
  const old = { phase: 'running', settings: 'digest-1', modules } as const
  const runsOnOld = (pid?: number) =>
    launcher.when(
      'it runs on what it had and says why',
      (seen) =>
        seen.phase === 'running' && seen.pid !== pid && seen.message?.includes('stay in force') === true,
    )
  t.equal(await flowsAs('vera'), 200)
  const refused = await reload('digest-2', { modules: { ...modules, 'no-such-module': '1.0.0' } })
  t.equal(refused.status, 502)
  const state = await runsOnOld()
  t.match(state, { ...old, message: /no-such-module[^]*stay in force/ })

  process.kill(state.pid ?? 0, 'SIGKILL')
  t.match(await runsOnOld(state.pid), old)
  t.equal(await flowsAs('vera'), 401, 'whoever went with the settings that cannot run stays away')

  await registry.close()
  for (const door of [200, 503]) {
    launcher.process.kill('SIGTERM')
    await exited(launcher.process)
    launcher.door.status = door
    launcher.launch()
    if (door === 200) t.match(await runsOnOld(), old, 'without the registry')
    else t.match(await launcher.when('it runs', ({ phase }) => phase === 'running'), old, 'without anybody')
    t.equal(await flowsAs('vera'), 401)
  }

  launcher.door.status = 200
  t.equal((await reload('digest-3', { modules })).status, 200)
  const after = await launcher.state()
  t.match(after, { ...old, settings: 'digest-3' })
  t.equal(after.message, undefined)
})

t.test('an installation that takes long is told, and ends with the settings that want it', async (t) => {
  const { registry, launcher, reload } = await setUp(t, {})
  registry.mute.add('node-red-contrib-late')
  const { pid } = await launcher.state()
  const late = reload('digest-2', { modules: { 'node-red-contrib-late': '1.0.0' } })
  await until('npm has asked', () => registry.asked.includes('/node-red-contrib-late'))
  t.match(await launcher.state(), { phase: 'running', pid, installing: true, message: /being installed/ })
  t.match(launcher.door.states.at(-1)?.state, { phase: 'running', installing: true })
  t.equal((await reload('digest-3', { env: { A: 'b' } })).status, 200)
  t.match(await late, { status: 502, text: /Newer settings have come/ })
  const after = await launcher.state()
  t.match(after, { phase: 'running', settings: 'digest-3', modules: {} })
  t.strictSame([after.installing, after.message], [undefined, undefined])
})

t.test('one that is stopped starts with what it had where the rest cannot be installed', async (t) => {
  const { launcher, reload } = await setUp(t, {})
  await launcher.admin('POST', '/stop')
  await launcher.when('it has stopped', ({ phase }) => phase === 'stopped')
  t.equal((await reload('digest-2', { modules: { 'no-such-module': '1.0.0' } })).status, 502)
  await launcher.admin('POST', '/start')
  const state = await launcher.when('it runs', ({ phase }) => phase === 'running')
  t.match(state, { settings: 'digest-1', message: /stay in force/ })
})

t.test('what was installed in the editor and is no more in the registry is said to be that', async (t) => {
  const editor = { enabled: true, title: 'Press 1', palette: { allowInstall: true } }
  const { launcher, reload } = await setUp(t, {})
  t.equal((await reload('digest-2', { editor })).status, 200)
  const user = join(launcher.directory, 'user')
  const named = JSON.parse(readFileSync(join(user, 'package.json'), 'utf8'))
  writeFileSync(join(user, 'package.json'), JSON.stringify({ ...named, dependencies: { gone: '~1.0.0' } }))
  mkdirSync(join(user, 'node_modules/gone'), { recursive: true })
  writeFileSync(join(user, 'node_modules/gone/package.json'), '{"name":"gone","version":"1.0.0"}')
  const modules = { [declared]: '1.0.0' }
  const refused = await reload('digest-3', { editor, modules })
  t.equal(refused.status, 502)
  t.match(
    JSON.parse(refused.text).error,
    /Installed in the editor, not declared in Git: gone; remove it there/,
  )
  const { error } = JSON.parse((await reload('digest-4', { modules: { 'no-such-module': '1.0.0' } })).text)
  t.match(error, 'no-such-module')
  t.notMatch(error, 'in the editor')
})
