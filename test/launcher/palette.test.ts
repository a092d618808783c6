import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import type { RuntimeSettings } from '../../launcher/wire.ts'
import { editorSession } from '../support/editor-session.ts'
import { startWithSignIn } from '../support/launcher-with-sign-in.ts'
import { ask, exited, type LauncherUnderTest, member, settingsFor } from '../support/launcher.ts'
import { nodePackage, openRegistry } from '../support/npm-registry.ts'
import { until } from '../support/until.ts'

const scripted = { scripts: { postinstall: `node -e "require('fs').writeFileSync('ran','')"` } }
const packages = [
  nodePackage('node-red-contrib-declared', '1.0.0'),
  nodePackage('node-red-contrib-declared', '1.1.0'),
  nodePackage('node-red-contrib-own', '1.0.0', scripted),
  nodePackage('node-red-contrib-other', '1.0.0'),
  nodePackage('@plant/node-red-good', '1.0.0'),
  {
    name: 'a-theme-package',
    version: '1.0.0',
    manifest: { 'node-red': { plugins: { 'a-theme': 'theme.js' } } },
    files: {
      'theme.js': `module.exports = (RED) => RED.plugins.registerPlugin('a-theme', { type: 'node-red-theme', css: 'theme.css' })`,
      'theme.css': `body { color: rebeccapurple }`,
    },
  },
]

/** Asks the palette's part of the admin API, as the editor does. */
async function palette(launcher: LauncherUnderTest, path: string, options: RequestInit = {}) {
  const authorization = `Bearer ${await editorSession(`http://127.0.0.1:${launcher.port}/`, 'olga')}`
  const headers = { authorization, accept: 'application/json', 'content-type': 'application/json' }
  return ask(`http://127.0.0.1:${launcher.port}${path}`, { headers, ...options })
}

const install = (launcher: LauncherUnderTest, what: object) =>
  palette(launcher, '/nodes', { method: 'POST', body: JSON.stringify(what) })

t.test('what is installed from the editor stays beside what Git declares', async (t) => {
  const registry = await openRegistry(t, mkdtempSync(join(tmpdir(), 'weir-registry-')), packages)
  const members = [member('olga', '*')]
  const declared = (changes: Partial<RuntimeSettings>) => ({
    members,
    modules: { 'node-red-contrib-declared': '1.0.0' },
    editor: { enabled: true, title: 'Press 1', palette: { allowInstall: true } },
    ...changes,
  })
  const { launcher, identity } = await startWithSignIn(t, declared({}))
  const user = join(launcher.directory, 'user')
  const reload = async (digest: string, changes: Partial<RuntimeSettings>) => {
    launcher.door.settings = settingsFor(launcher.port, { ...declared(changes), identity, digest })
    return JSON.parse((await launcher.admin('POST', '/reload')).text)
  }

  t.match(await install(launcher, { module: 'node-red-contrib-own' }), { status: 200 })
  t.notOk(existsSync(join(user, 'node_modules/node-red-contrib-own/ran')), 'its script did not run')
  const own = { 'node-red-contrib-own': '1.0.0' }
  const both = { 'node-red-contrib-declared': '1.0.0', ...own }
  t.strictSame((await launcher.state()).modules, both, 'it is told')
  t.match(await install(launcher, { module: 'node-red-contrib-declared', version: '1.1.0' }), { status: 400 })
  t.match(await reload('digest-1', {}), { restarted: false }, 'and is no reason to install anything')

  launcher.process.kill('SIGTERM')
  await exited(launcher.process)
  launcher.launch()
  await launcher.when('it runs', ({ phase }) => phase === 'running')
  t.strictSame((await launcher.state()).modules, both, 'it outlives a restart')
  t.match((await palette(launcher, '/nodes')).text, 'node-red-contrib-own')

  const newer = { 'node-red-contrib-declared': '1.1.0' }
  t.match(await reload('digest-2', { modules: newer }), {
    restarted: true,
    state: { modules: { ...newer, ...own } },
  })
  t.match(await reload('digest-3', { modules: {} }), { restarted: true })
  t.strictSame((await launcher.state()).modules, own, 'what Git declares no more is removed')
  const answer = await palette(launcher, '/nodes/node-red-contrib-own', { method: 'DELETE' })
  t.equal(answer.status, 204)
  t.strictSame((await launcher.state()).modules, {})
  t.match(await install(launcher, { module: 'node-red-contrib-other' }), { status: 200 })

  const closed = { enabled: true, title: 'Press 1' }
  t.match(await reload('digest-4', { modules: newer, editor: closed }), { restarted: true })
  const told = /^node-red-contrib-other 1\.0\.0, installed from the editor, was removed: Git does not allow/
  const { modules, message } = await launcher.state()
  t.strictSame(modules, newer, 'without the permission it is removed')
  t.match(message, told)
  await until('the trail has heard of it', () =>
    launcher.door.events.some(
      ({ event, target }) => event === 'module-removed' && target === 'node-red-contrib-other@1.0.0',
    ),
  )
  t.match(await install(launcher, { module: 'node-red-contrib-own' }), { status: 404 })
  t.ok(registry.asked.length > 0)
})

t.test('what does not fit beside what Git declares makes way, and the rest stays', async (t) => {
  await openRegistry(t, mkdtempSync(join(tmpdir(), 'weir-registry-')), [
    ...packages,
    nodePackage('node-red-contrib-bound', '1.0.0', {
      peerDependencies: { 'node-red-contrib-declared': '1.0.0' },
    }),
    nodePackage('node-red-contrib-quarrel', '1.0.0', {
      peerDependencies: { 'node-red-contrib-other': '2.0.0' },
    }),
  ])
  const shared = {
    members: [member('olga', '*')],
    editor: { enabled: true, title: 'Press 1', palette: { allowInstall: true } },
  }
  const modules = { 'node-red-contrib-declared': '1.0.0' }
  const { launcher, identity } = await startWithSignIn(t, { ...shared, modules })
  for (const module of ['node-red-contrib-bound', 'node-red-contrib-own', 'node-red-contrib-other'])
    t.match(await install(launcher, { module }), { status: 200 })
  const reload = async (digest: string, version: string) => {
    const changes = { ...shared, identity, digest, modules: { 'node-red-contrib-declared': version } }
    launcher.door.settings = settingsFor(launcher.port, changes)
    return launcher.admin('POST', '/reload')
  }

  t.match(await reload('digest-2', '9.0.0'), { status: 502, text: /9\.0\.0/ }, 'Git is at fault here')
  const bound = { 'node-red-contrib-bound': '1.0.0' }
  t.match((await launcher.state()).modules, bound, 'which costs nobody anything')

  // npm is asked once for all and once for each: that may take longer than a test waits for an answer
  void reload('digest-3', '1.1.0').catch(() => undefined)
  const runs = await launcher.when(
    'it runs',
    ({ settings, phase }) => settings === 'digest-3' && phase === 'running',
  )
  t.strictSame(runs.modules, {
    'node-red-contrib-declared': '1.1.0',
    'node-red-contrib-other': '1.0.0',
    'node-red-contrib-own': '1.0.0',
  })
  const told =
    /^node-red-contrib-bound 1\.0\.0, installed from the editor, was removed: it does not fit beside the modules that Git declares$/m
  t.match(runs.message, told)
  t.match(launcher.console(), /node-red-contrib-bound 1\.0\.0, installed from the editor, was removed/)
  t.match(JSON.parse((await reload('digest-3', '1.1.0')).text), { restarted: false })

  // Two that do not fit beside each other are not Git's doing.
  const user = join(launcher.directory, 'user')
  const named = JSON.parse(readFileSync(join(user, 'package.json'), 'utf8'))
  named.dependencies['node-red-contrib-quarrel'] = '1.0.0'
  writeFileSync(join(user, 'package.json'), JSON.stringify(named))
  void reload('digest-4', '1.0.0').catch(() => undefined)
  const { message } = await launcher.when(
    'it runs',
    ({ settings, phase }) => settings === 'digest-4' && phase === 'running',
  )
  t.match(
    message,
    /^node-red-contrib-quarrel 1\.0\.0, .* and what stays of those installed in the editor \(.*node-red-contrib-other.*\)$/,
  )
})

t.test('what happens in the palette while npm installs what Git declares is heeded', async (t) => {
  const registry = await openRegistry(t, mkdtempSync(join(tmpdir(), 'weir-registry-')), packages)
  const shared = {
    members: [member('olga', '*')],
    editor: { enabled: true, title: 'Press 1', palette: { allowInstall: true } },
  }
  const { launcher, identity } = await startWithSignIn(t, { ...shared, modules: {} })
  t.match(await install(launcher, { module: 'node-red-contrib-other' }), { status: 200 })
  registry.mute.add('node-red-contrib-declared')
  const modules = { 'node-red-contrib-declared': '1.0.0' }
  launcher.door.settings = settingsFor(launcher.port, { ...shared, identity, digest: 'digest-2', modules })
  void launcher.admin('POST', '/reload').catch(() => undefined)
  await until('npm has asked', () => registry.asked.includes('/node-red-contrib-declared'))
  t.match(await install(launcher, { module: 'node-red-contrib-own' }), { status: 200 })
  t.match(await palette(launcher, '/nodes/node-red-contrib-other', { method: 'DELETE' }), { status: 204 })
  registry.speak()
  const after = await launcher.when(
    'it runs',
    ({ settings, phase }) => settings === 'digest-2' && phase === 'running',
  )
  t.strictSame(after.modules, { ...modules, 'node-red-contrib-own': '1.0.0' })
  t.equal(after.message, undefined)
})

t.test('lists say what may be installed and what is loaded', async (t) => {
  const registry = await openRegistry(t, mkdtempSync(join(tmpdir(), 'weir-registry-')), packages)
  const editor = {
    enabled: true,
    title: 'Press 1',
    theme: 'a-theme',
    palette: {
      allowInstall: true,
      allow: ['@plant/*', 'node-red-contrib-o*'],
      deny: ['node-red-contrib-other'],
    },
  }
  const { launcher } = await startWithSignIn(t, {
    members: [member('olga', '*')],
    modules: { 'node-red-contrib-declared': '1.0.0', 'a-theme-package': '1.0.0' },
    editor,
  })
  t.match((await palette(launcher, '/nodes')).text, 'node-red-contrib-declared', 'what is declared is loaded')
  const page = await ask(`http://127.0.0.1:${launcher.port}/`)
  t.match(page.text, /theme.{1,8}css.{1,8}theme\.css/, 'a declared package brings the theme')
  t.match((await ask(`http://127.0.0.1:${launcher.port}/theme/css/theme.css`)).text, 'rebeccapurple')
  t.match(await install(launcher, { module: '@plant/node-red-good' }), { status: 200 })
  t.match(await install(launcher, { module: 'node-red-contrib-own' }), { status: 200 })
  t.match(await install(launcher, { module: 'node-red-contrib-other' }), { status: 400 }, 'it is denied')
  t.match(await install(launcher, { module: 'a-stranger' }), { status: /4\d\d/ }, 'it is not in the list')
  const url = `${registry.url}/node-red-contrib-other/-/1.0.0.tgz`
  const disguised = await install(launcher, { module: '@plant/disguised', url })
  t.not(disguised.status, 200, 'a URL does not get past the names')
  t.notOk(existsSync(join(launcher.directory, 'user/node_modules/node-red-contrib-other')))
  t.match(JSON.parse(readFileSync(join(launcher.directory, 'user/package.json'), 'utf8')), {
    dependencies: { '@plant/node-red-good': '~1.0.0' },
  })
})
