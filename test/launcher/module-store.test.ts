import { spawnSync } from 'node:child_process'
import {
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { ownHolder } from '../../launcher/holder.ts'
import { tryLock } from '../../launcher/install-lock.ts'
import { npmInstall } from '../../launcher/npm-install.ts'
import { syncTree } from '../../launcher/synced-tree.ts'
import type { LauncherBootstrap, RuntimeSettings } from '../../launcher/wire.ts'
import { exited, type LauncherUnderTest, prepareLauncher, settingsFor } from '../support/launcher.ts'
import { openRegistry, type Registry } from '../support/npm-registry.ts'
import { stubStack } from '../support/stub-stack.ts'
import { until } from '../support/until.ts'

const serve = `require('node:http').createServer((_, response) => response.end()).listen(settings.uiPort, settings.uiHost)`
const scripted = `require('node:fs').writeFileSync('ran', '')`
const packages = [
  { name: 'first', version: '1.0.0', files: { 'index.js': 'module.exports = 1' } },
  { name: 'second', version: '1.0.0' },
  { name: 'misnamed', version: '1.0.0', files: { 'package.json': '{"name":"misnamed","version":"2.0.0"}' } },
  {
    name: 'with-script',
    version: '1.0.0',
    manifest: { scripts: { postinstall: 'node script.js' } },
    files: { 'script.js': scripted },
  },
]

interface Shared {
  readonly registry: Registry
  readonly store: string
  /** A launcher that takes its modules from the store that all of a test share. */
  readonly launcher: (changes: Partial<RuntimeSettings>) => Promise<LauncherUnderTest>
}

async function shared(t: Test): Promise<Shared> {
  const folder = t.testdir({})
  const registry = await openRegistry(t, folder, packages)
  const store = join(folder, 'store')
  const own = {
    testdir: () => mkdtempSync(join(folder, 'launcher-')),
    teardown: (end: () => unknown) => t.teardown(end),
  }
  return {
    registry,
    store,
    launcher: async (changes) => {
      const launcher = await prepareLauncher(own, changes, stubStack(t, serve))
      const bootstrap: LauncherBootstrap = { ...launcher.bootstrap, modules: store }
      writeFileSync(join(launcher.directory, 'launcher.json'), JSON.stringify(bootstrap), { mode: 0o600 })
      return launcher
    },
  }
}

const running = (launcher: LauncherUnderTest) =>
  launcher.when('Node-RED runs', ({ phase }) => phase === 'running')

const moduleFile = ({ directory }: LauncherUnderTest, name: string) =>
  join(directory, 'user/node_modules', name, 'package.json')

t.test('what several want at once is fetched once, and later without the registry', async (t) => {
  const { registry, store, launcher } = await shared(t)
  const modules = { first: '1.0.0', second: '1.0.0' }
  const launchers = [await launcher({ modules }), await launcher({ modules }), await launcher({ modules })]
  for (const one of launchers) one.launch()
  for (const one of launchers) t.match(await running(one), { modules })
  t.same(
    registry.asked.filter((path) => path.endsWith('.tgz')).toSorted(),
    ['/first/-/1.0.0.tgz', '/second/-/1.0.0.tgz'],
    'one of them has fetched for all',
  )
  const files = launchers.map((one) => statSync(moduleFile(one, 'first')).ino)
  t.equal(new Set(files).size, 1, 'on the disk it is there once')

  await registry.close()
  const late = await launcher({ modules })
  late.launch()
  t.match(await running(late), { modules })
  t.strictSame(globSync('{.installing-*,*.lock,*.failed}', { cwd: store }), [], 'nothing unfinished is left')
})

t.test(
  'an installation that hangs delays nobody else, and one that was cut short is never used',
  async (t) => {
    const { registry, store, launcher } = await shared(t)
    registry.mute.add('first')
    const hung = await launcher({ modules: { first: '1.0.0' } })
    hung.launch()
    await until('it has asked', () => registry.asked.includes('/first'))
    const other = await launcher({ modules: { second: '1.0.0' } })
    other.launch()
    t.match(await running(other), { modules: { second: '1.0.0' } })
    t.match(await hung.state(), { phase: 'installing' })

    const waiting = await launcher({ modules: { first: '1.0.0' } })
    waiting.launch()
    await waiting.when('it waits for the first', ({ phase }) => phase === 'installing')
    hung.process.kill('SIGKILL')
    await exited(hung.process)
    registry.speak()
    t.match(await running(waiting), { modules: { first: '1.0.0' } })
    t.strictSame(globSync('{.installing-*,*.lock}', { cwd: store }), [])
  },
)

t.test('who waits for an installation that fails is told why', async (t) => {
  const { registry, launcher } = await shared(t)
  registry.mute.add('first')
  const modules = { first: '1.0.0', absent: '1.0.0' }
  const [one, two] = [await launcher({ modules }), await launcher({ modules })]
  one.launch()
  await until('it has asked', () => registry.asked.includes('/first'))
  two.launch()
  await two.when('it waits', ({ phase }) => phase === 'installing')
  registry.speak()
  t.match(
    (await one.when('it has failed', ({ phase }) => phase === 'crashed')).message,
    /npm could not install/,
  )
  t.match(
    (await two.when('it has failed', ({ phase }) => phase === 'crashed')).message,
    /npm could not install/,
  )
})

t.test('no script of a package runs unless it is allowed', async (t) => {
  const { launcher } = await shared(t)
  const modules = { 'with-script': '1.0.0' }
  const [careful, bold] = [
    await launcher({ modules }),
    await launcher({ modules, allowInstallScripts: true }),
  ]
  for (const one of [careful, bold]) one.launch()
  for (const one of [careful, bold]) await running(one)
  const ran = (one: LauncherUnderTest) => existsSync(join(moduleFile(one, 'with-script'), '../ran'))
  t.notOk(ran(careful))
  t.ok(ran(bold), 'and those who may run them have an installation of their own')
  const npmrc = (one: LauncherUnderTest) => readFileSync(join(one.directory, 'user/.npmrc'), 'utf8')
  t.match(npmrc(careful), /^ignore-scripts=true$/m)
  t.match(npmrc(bold), /^ignore-scripts=false$/m)
})

t.test('what nobody uses any more is cleared away, and what somebody uses is not', async (t) => {
  const { store, launcher } = await shared(t)
  const used = await launcher({ modules: { first: '1.0.0' } })
  used.launch()
  await running(used)
  const gone = await launcher({ modules: { second: '1.0.0' } })
  gone.launch()
  await running(gone)
  gone.door.settings = settingsFor(gone.port, { digest: 'digest-2' })
  await gone.admin('POST', '/reload')
  for (const name of readdirSync(store)) utimesSync(join(store, name, '.complete'), 0, 0)
  t.equal(readdirSync(store).length, 2)

  const third = await launcher({ modules: { first: '1.0.0', second: '1.0.0' } })
  third.launch()
  await running(third)
  const left = readdirSync(store).map((name) =>
    readdirSync(join(store, name, 'node_modules')).filter((at) => !at.startsWith('.')),
  )
  t.strictSame(
    left.toSorted((a, b) => a.length - b.length),
    [['first'], ['first', 'second']],
  )
  t.ok(existsSync(moduleFile(used, 'first')))
})

t.test('an installation that a power cut has damaged is made anew', async (t) => {
  const { store, launcher } = await shared(t)
  const modules = { first: '1.0.0', second: '1.0.0' }
  const one = await launcher({ modules })
  one.launch()
  await running(one)
  one.process.kill('SIGKILL')
  await exited(one.process)
  // its link is the same file
  truncateSync(moduleFile(one, 'first'))
  one.launch()
  t.match(await running(one), { modules })
  t.equal(readdirSync(store).length, 1)
})

t.test('a package that gives itself another version than it is asked for by is told', async (t) => {
  const { launcher } = await shared(t)
  const wrong = await launcher({ modules: { misnamed: '1.0.0' } })
  wrong.launch()
  const { message } = await wrong.when('it says so', ({ phase }) => phase === 'crashed')
  t.match(message, /misnamed 1\.0\.0 was installed, but its package\.json says 2\.0\.0/)
})

t.test('what is marked as whole is on the disk, links and empty folders or not', async (t) => {
  const folder = t.testdir({ a: { b: { file: 'x' }, empty: {} }, gone: t.fixture('symlink', 'nowhere') })
  await syncTree(folder, new AbortController().signal)
  const late = AbortSignal.abort(new Error('too late'))
  await t.rejects(syncTree(folder, late), /too late/)
  await t.rejects(syncTree(join(folder, 'absent'), new AbortController().signal), { code: 'ENOENT' })
})

/** What this process writes down of itself, but for what is said. */
const holder = (changes: object = {}) => JSON.stringify({ ...JSON.parse(ownHolder()), ...changes })
const predecessor = holder({ started: '1' })
const elsewhere = holder({ host: 'another', started: '1' })
const otherContainer = holder({ pids: 'pid:[1]', started: '1' })

t.test('what a dead process left is told from what a living one is at, whatever their ids', async (t) => {
  const { store, launcher } = await shared(t)
  const left = {
    dead: predecessor,
    reboot: holder({ boot: 'before' }),
    living: holder(),
    elsewhere,
    otherContainer,
  }
  for (const [name, text] of Object.entries(left)) {
    mkdirSync(join(store, `.installing-${name}`), { recursive: true })
    writeFileSync(join(store, `.installing-${name}`, '.holder'), text)
  }
  const one = await launcher({ modules: { first: '1.0.0' } })
  one.launch()
  await running(one)
  t.strictSame(globSync('.installing-*', { cwd: store }).toSorted(), [
    '.installing-elsewhere',
    '.installing-living',
    '.installing-otherContainer',
  ])
  t.strictSame(globSync('*/.holder', { cwd: store }), [], 'no installation holds one')
})

t.test('a lock is taken over from who is gone, or silent for a minute', async (t) => {
  const file = join(t.testdir({}), 'lock')
  const now = () => statSync(file).mtimeMs
  {
    using held = tryLock(file, Date.now)
    t.ok(held)
    t.notOk(tryLock(file, now), 'not from this very process')
  }
  t.notOk(existsSync(file))
  for (const [text, free] of [
    [predecessor, true],
    [holder({ pid: spawnSync('true').pid }), true],
    [elsewhere, false],
    [otherContainer, false],
    ['', false],
  ] as const) {
    writeFileSync(file, text)
    using held = tryLock(file, now)
    t.equal(held !== undefined, free, text)
  }
  writeFileSync(file, elsewhere)
  using held = tryLock(file, () => now() + 60_001)
  t.ok(held)
})

t.test('npm that hangs is ended', async (t) => {
  const folder = t.testdir({ 'package.json': '{"dependencies":{"first":"1.0.0"}}' })
  const registry = await openRegistry(t, join(folder, 'registry'), packages)
  registry.mute.add('first')
  const run = {
    folder,
    allowScripts: false,
    node: process.execPath,
    host: process.env,
    log: { write: () => undefined },
    timeoutMs: 1500,
  }
  await t.rejects(npmInstall(run, new AbortController().signal), /did not end within 1.5 s/)
})
