import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { canonicalDigest } from '../../launcher/canonical-json.ts'
import { needsRestart, renderSettingsFile } from '../../launcher/settings-file.ts'
import type { RuntimeSettings } from '../../launcher/wire.ts'
import { answeringFlow } from '../support/answering-flow.ts'
import { ask, exited, member, settingsFor, startLauncher, withPassword } from '../support/launcher.ts'
import { until } from '../support/until.ts'

const root = join(import.meta.dirname, '../..')
const hostile = `'"\`\${process.exit(1)}\n</script><script>alert(1)</script>\u2028\u2029\\ */ require('fs') ü 🏭`
const basic = (name: string) => `Basic ${Buffer.from(`${name}:${name}-password`).toString('base64')}`

const declaredFlows = (nodes: readonly object[]) => ({ digest: canonicalDigest(nodes), nodes })

const whenAnswers = (url: string, options: RequestInit = {}) =>
  until('the flow answers', async () => {
    const answer = await ask(url, options).catch(() => undefined)
    return answer !== undefined && answer.status !== 404 ? answer : undefined
  })

t.test('the editor looks as declared, and no value becomes code', async (t) => {
  const { port } = await startLauncher(t, {
    members: [member('olga', '*')],
    editor: {
      enabled: true,
      title: hostile,
      theme: 'a-theme',
      header: { title: hostile, url: 'https://plant.example.com/?a=1&b=</script>' },
      tours: false,
      codeEditor: { library: 'ace', options: { fontSize: 14, theme: hostile } },
      debugMaxLength: 321,
      palette: {
        catalogues: ['https://plant.example.com/catalogue.json?</script>'],
        excludeNodes: ['90-exec.js', hostile],
        deny: ['node-red-contrib-*'],
      },
    },
  })
  const url = `http://127.0.0.1:${port}`
  const authorization = 'Bearer olga-token'
  const settings = JSON.parse((await ask(`${url}/settings`, { headers: { authorization } })).text)
  t.match(settings, {
    codeEditor: { lib: 'ace', options: { fontSize: 14, theme: hostile } },
    editorTheme: {
      theme: 'a-theme',
      tours: false,
      palette: { catalogues: ['https://plant.example.com/catalogue.json?</script>'] },
    },
    externalModules: { palette: { allowInstall: false } },
  })
  const diagnostics = (await ask(`${url}/diagnostics`, { headers: { authorization } })).text
  t.match(JSON.parse(diagnostics), { runtime: { settings: { debugMaxLength: 321 } } })
  const page = (await ask(`${url}/`)).text
  t.notMatch(page, '<script>alert(1)')
  const theme = JSON.parse((await ask(`${url}/theme`)).text)
  t.match(theme.header, { url: 'https://plant.example.com/?a=1&b=</script>' })
  t.notMatch(theme.header.title, '<')
  const nodes: { name: string }[] = JSON.parse(
    (await ask(`${url}/nodes`, { headers: { authorization, accept: 'application/json' } })).text,
  )
  const names = nodes.map(({ name }) => name)
  t.ok(names.includes('function'))
  t.notOk(names.includes('exec'), 'a node that is excluded is not loaded')
})

t.test('settings.js is data, whatever is declared', async (t) => {
  const settings = settingsFor(1, {
    editor: {
      enabled: true,
      title: hostile,
      header: { title: hostile },
      codeEditor: { options: { a: hostile } },
    },
    endpoints: { access: 'public', cors: { origins: [hostile] }, static: [{ path: hostile, root: hostile }] },
    functionModules: { allow: [hostile] },
  })
  const places = {
    runtime: '/r',
    nodeRed: '/n',
    membersFile: '/m',
    user: '/u',
    storage: '/s',
    runtimeUrl: hostile,
    runtimeToken: hostile,
  }
  const file = renderSettingsFile(settings, places)
  t.equal(file.trimEnd().split(/[\n\r\u2028\u2029]/).length, 2, 'one comment, one statement')
  const [, json = ''] = /\.settings\((.*)\)$/.exec(file.trimEnd()) ?? []
  t.match(JSON.parse(json), { declared: { editor: { header: { title: hostile } } } })
})

t.test('every setting starts Node-RED again, and the order of keys does not', async (t) => {
  const before = settingsFor(1)
  const changes: readonly Partial<RuntimeSettings>[] = [
    { editor: { ...before.editor, theme: 'a' } },
    { editor: { ...before.editor, palette: { allowInstall: true } } },
    { endpoints: { ...before.endpoints, cors: { origins: ['*'] } } },
    { endpoints: { ...before.endpoints, bodyLimit: 1 } },
    { functionModules: { allow: ['os'] } },
    { context: 'file' },
    { certificates: 'PEM' },
  ]
  for (const change of changes) t.ok(needsRestart(before, { ...before, ...change }), JSON.stringify(change))
  const turned = { title: before.editor.title, enabled: before.editor.enabled }
  t.notOk(needsRestart(before, { ...before, editor: turned }))
})

t.test('endpoints heed CORS, the limit of bodies and static folders, with the access of all', async (t) => {
  const nodes = [
    ...answeringFlow('/look', '1'),
    { id: 'in2', type: 'http in', z: 'tab', url: '/post', method: 'post', wires: [['fn']] },
  ]
  const launcher = await startLauncher(t, {
    members: [await withPassword(member('dora', ''))],
    flows: declaredFlows(nodes),
    endpoints: {
      access: 'basic',
      cors: { origins: ['https://panel.example.com'], methods: ['GET', 'POST'], maxAge: 60 },
      bodyLimit: 64 * 1024,
      static: [
        { path: 'public', root: '/assets' },
        { path: 'site/one', root: '/one' },
      ],
    },
  })
  const url = `http://127.0.0.1:${launcher.port}`
  const headers = { authorization: basic('dora'), origin: 'https://panel.example.com' }

  t.equal((await ask(`${url}/look`)).status, 401)
  const looked = await until('the flow answers', async () => {
    const response = await fetch(`${url}/look`, { headers })
    return response.status === 200 && response
  })
  t.equal(looked.headers.get('access-control-allow-origin'), 'https://panel.example.com')
  const other = await fetch(`${url}/look`, { headers: { ...headers, origin: 'https://evil.example.com' } })
  t.equal(other.headers.get('access-control-allow-origin'), null)
  const preflight = await fetch(`${url}/look`, {
    method: 'OPTIONS',
    headers: { origin: 'https://panel.example.com', 'access-control-request-method': 'GET' },
  })
  t.equal(preflight.status, 204, 'a browser asks without a password')
  t.equal(preflight.headers.get('access-control-allow-methods'), 'GET,POST')
  t.equal(preflight.headers.get('access-control-max-age'), '60')
  t.equal((await fetch(`${url}/look`, { method: 'OPTIONS' })).status, 401)

  const post = (size: number) =>
    ask(`${url}/post`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'text/plain' },
      body: 'x'.repeat(size),
    })
  t.equal((await post(60 * 1024)).status, 200)
  t.equal((await post(70 * 1024)).status, 413)
  const streamed = (size: number) =>
    fetch(`${url}/post`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'text/plain' },
      body: new Blob(['x'.repeat(size)]).stream(),
      duplex: 'half',
    })
  t.equal((await streamed(60 * 1024)).status, 200)
  t.equal((await streamed(200 * 1024)).status, 413, 'without an announcement too')
  t.match(await ask(`${url}/look`, { headers }), { status: 200 })

  const user = join(launcher.directory, 'user')
  const folder = join(user, 'static/public')
  writeFileSync(join(folder, 'a.txt'), 'an asset')
  writeFileSync(join(user, 'static/site/one/index.html'), 'a page')
  symlinkSync(join(user, 'settings.js'), join(folder, 'link.txt'))
  symlinkSync(user, join(folder, 'up'))
  mkdirSync(join(folder, 'sub'))
  symlinkSync(join(user, 'settings.js'), join(folder, 'sub/index.html'))
  symlinkSync(join(folder, 'a.txt'), join(folder, 'b.txt'))
  const get = (path: string) => ask(url + path, { headers })
  t.equal((await ask(`${url}/assets/a.txt`)).status, 401, 'they are guarded as endpoints are')
  t.match(await get('/assets/a.txt'), { status: 200, text: 'an asset' })
  t.match(await get('/assets/b.txt'), { status: 200, text: 'an asset' }, 'a link within is followed')
  t.match(await get('/one/'), { status: 200, text: 'a page' })
  for (const path of [
    '/assets/link.txt',
    '/assets/up/settings.js',
    '/assets/up/members.json',
    '/assets/sub/',
    '/assets/..%2f..%2fsettings.js',
    '/assets/%2e%2e/%2e%2e/settings.js',
    '/assets/.%00',
    '/assets/%E0%A4%A',
    '/assets/nothing',
  ]) {
    const { status, text } = await get(path)
    t.match(String(status), /^40[034]$/, path)
    t.notMatch(text, 'credentialSecret', path)
  }
})

t.test('context in files outlives Node-RED, and context in memory does not', async (t) => {
  const expression = `(() => {
    const both = ['file', 'memory'].map((store) => (global.get('count', store) ?? 0) + 1)
    global.set('count', both[0], 'file'); global.set('count', both[1], 'memory')
    return both.join(' ')
  })()`
  const launcher = await startLauncher(t, {
    context: 'file',
    flows: declaredFlows(answeringFlow('/count', expression)),
  })
  const url = `http://127.0.0.1:${launcher.port}/count`
  t.equal((await whenAnswers(url)).text, '1 1')
  t.equal((await ask(url)).text, '2 2')
  launcher.process.kill('SIGTERM')
  await exited(launcher.process)
  launcher.launch()
  await launcher.when('Node-RED runs', ({ phase }) => phase === 'running')
  t.equal((await whenAnswers(url)).text, '3 1')
  t.match(readFileSync(join(launcher.directory, 'storage/context/global/global.json'), 'utf8'), /"count"/)
})

t.test('function nodes use the modules that are allowed, and no others', async (t) => {
  const using = (path: string, module: string, expression: string) => {
    const rename = (id: string) => `${id}${path}`
    return answeringFlow(path, expression).map((node) => ({
      ...node,
      ...('func' in node ? { libs: [{ var: 'lib', module }] } : {}),
      ...(node.id === 'tab' ? {} : { id: rename(node.id), z: 'tab' }),
      ...('wires' in node ? { wires: node.wires?.map((ids) => ids.map(rename)) } : {}),
    }))
  }
  const flow = [
    ...using('/os', 'os', 'lib.EOL.length'),
    ...using('/fs', 'fs', 'Object.keys(lib).length').slice(1),
  ]
  const asked = async (functionModules: RuntimeSettings['functionModules'], part: Test) => {
    const launcher = await startLauncher(part, {
      ...(functionModules === undefined ? {} : { functionModules }),
      flows: declaredFlows(flow),
    })
    await until('the flows have been looked at', () =>
      /Started flows|Failed to load external/.test(launcher.console()),
    )
    const os = await ask(`http://127.0.0.1:${launcher.port}/os`)
    return { os: os.status === 200 ? os.text : 'none', log: launcher.console() }
  }
  await t.test('none', async (t) => {
    const { os, log } = await asked(undefined, t)
    t.equal(os, 'none')
    t.match(log, /functionExternalModules|external modules/i)
  })
  await t.test('one is missing in the list', async (t) => {
    const { log } = await asked({ allow: ['os'] }, t)
    t.match(log, /fs \[module_not_allowed\]/)
  })
  await t.test('both', async (t) =>
    t.equal((await asked({ allow: ['*'], deny: ['child_process'] }, t)).os, '1'),
  )
})

t.test('a certificate authority that is declared is trusted', async (t) => {
  const read = (name: string) => readFileSync(join(root, 'fixtures/certificates', name), 'utf8')
  const server = createServer({ cert: read('server.pem'), key: read('server-key.pem') }, (_, response) =>
    response.end('from the plant'),
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : undefined
  const nodes = [
    { id: 'tab', type: 'tab', label: 'Flow' },
    { id: 'in', type: 'http in', z: 'tab', url: '/plant', method: 'get', wires: [['ask']] },
    {
      id: 'ask',
      type: 'http request',
      z: 'tab',
      method: 'GET',
      ret: 'txt',
      url: `https://127.0.0.1:${port}/`,
      wires: [['out']],
    },
    { id: 'out', type: 'http response', z: 'tab', wires: [] },
  ]
  const launcher = await startLauncher(t, { flows: declaredFlows(nodes) })
  const url = `http://127.0.0.1:${launcher.port}/plant`
  t.notMatch((await whenAnswers(url)).text, 'from the plant')
  launcher.door.settings = settingsFor(launcher.port, {
    digest: 'digest-2',
    flows: declaredFlows(nodes),
    certificates: read('authority.pem'),
  })
  t.match(JSON.parse((await launcher.admin('POST', '/reload')).text), { restarted: true })
  t.equal((await whenAnswers(url)).text, 'from the plant')
})
