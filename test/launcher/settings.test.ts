import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { canonicalDigest } from '../../launcher/canonical-json.ts'
import { listenFailure } from '../../launcher/health.ts'
import { heapFlags } from '../../launcher/settings-file.ts'
import { answeringFlow } from '../support/answering-flow.ts'
import { freePortPair } from '../support/free-port.ts'
import { ask, exited, member, prepareLauncher, settingsFor, startLauncher } from '../support/launcher.ts'
import { until } from '../support/until.ts'

function look(port: number): Promise<string> {
  return until('the flow answers', async () => {
    const answer = await ask(`http://127.0.0.1:${port}/look`).catch(() => undefined)
    return answer?.status === 200 ? answer.text : undefined
  })
}

const hostile = `'"\`\${process.exit(1)}\n</script><script>alert(1)</script>\u2028\u2029\\ */ require('fs') ü 🏭`

t.test('what Git says arrives unharmed and never becomes code', async (t) => {
  const nodes = answeringFlow('/look', `env.get('HOSTILE')`)
  const { port } = await startLauncher(t, {
    members: [member('olga', '*')],
    editor: { enabled: true, title: hostile, timeZone: 'Asia/Tokyo' },
    credentialSecret: hostile,
    env: { HOSTILE: hostile, NODE_OPTIONS: '--require=/nowhere', LD_PRELOAD: '/nowhere' },
    flows: { digest: canonicalDigest(nodes), nodes },
  })
  t.equal(await look(port), hostile)
  const page = (await ask(`http://127.0.0.1:${port}/`)).text
  t.notMatch(page, '<script>alert(1)')
  const theme: { header: { title: string } } = JSON.parse((await ask(`http://127.0.0.1:${port}/theme`)).text)
  t.notMatch(theme.header.title, '<', 'the editor puts it into the page as HTML')
  const headers = { authorization: 'Bearer olga-token' }
  t.equal((await ask(`http://127.0.0.1:${port}/flows`, { headers })).status, 200)
})

t.test('the memory limit reaches V8', async (t) => {
  const { stubStack } = await import('../support/stub-stack.ts')
  const memory = 256 * 1024 * 1024
  const body = `
    const { heap_size_limit } = require('node:v8').getHeapStatistics()
    require('node:fs').writeFileSync('limit', String(heap_size_limit))
    require('node:http').createServer((_, response) => response.end()).listen(settings.uiPort, settings.uiHost)`
  const launcher = await prepareLauncher(t, { memory }, stubStack(t, body))
  launcher.launch()
  await launcher.when('it runs', ({ phase }) => phase === 'running')
  const limit = Number(readFileSync(join(launcher.directory, 'user', 'limit'), 'utf8'))
  t.equal(limit, 192 * 1024 * 1024, 'the limit less what lies beside the heap')
  t.strictSame(heapFlags(memory), ['--max-old-space-size=168', '--max-semi-space-size=8'])
})

t.test('a changed or lost settings.js and changed flows are put back', async (t) => {
  const nodes = answeringFlow('/look', '1')
  const flows = { digest: canonicalDigest(nodes), nodes }
  const { directory, admin, state } = await startLauncher(t, { flows })
  const [settingsFile, flowsFile] = [join(directory, 'user/settings.js'), join(directory, 'user/flows.json')]
  const written = readFileSync(settingsFile, 'utf8')
  t.equal((await state()).flows, flows.digest)

  writeFileSync(settingsFile, 'module.exports = {}')
  t.equal((await state()).settingsFile, 'changed')
  t.match(JSON.parse((await admin('POST', '/reload')).text), {
    restarted: true,
    state: { phase: 'running', settingsFile: 'intact' },
  })
  t.equal(readFileSync(settingsFile, 'utf8'), written)

  rmSync(settingsFile)
  t.equal((await state()).settingsFile, 'missing')
  t.match(JSON.parse((await admin('POST', '/reload')).text), {
    restarted: true,
    state: { settingsFile: 'intact' },
  })

  writeFileSync(flowsFile, '[]')
  t.equal((await state()).flows, canonicalDigest([]))
  t.match(JSON.parse((await admin('POST', '/reload')).text), {
    restarted: true,
    state: { flows: flows.digest },
  })
  t.match(JSON.parse((await admin('POST', '/reload')).text), { restarted: false })
})

t.test('without the reconciler it starts on the last settings, and catches up', async (t) => {
  const launcher = await startLauncher(t)
  launcher.process.kill('SIGTERM')
  await exited(launcher.process)
  launcher.door.status = 503
  launcher.launch()
  const state = await launcher.when('it runs', ({ phase }) => phase === 'running')
  t.equal(state.settings, 'digest-1')
  launcher.door.settings = settingsFor(launcher.port, { digest: 'digest-2', env: { A: 'b' } })
  launcher.door.status = 200
  await launcher.when(
    'it has caught up',
    ({ phase, settings }) => phase === 'running' && settings === 'digest-2',
  )
})

t.test('without the reconciler and without settings it waits and says so', async (t) => {
  const launcher = await prepareLauncher(t)
  launcher.door.status = 500
  launcher.launch()
  const state = await launcher.when('it waits', ({ message }) => message !== undefined)
  t.match(state, { phase: 'starting', message: /answers 500/ })
  launcher.door.status = 200
  await launcher.when('it runs', ({ phase }) => phase === 'running')
})

t.test('a token that is refused stops Node-RED and says why', async (t) => {
  const launcher = await startLauncher(t)
  launcher.door.status = 401
  const { status, text } = await launcher.admin('POST', '/reload')
  t.equal(status, 502)
  t.match(JSON.parse(text), { error: /refuses this instance's token/ })
  const state = await launcher.when('it has stopped', ({ phase }) => phase === 'stopped')
  t.match(state.message, /refuses this instance's token/)
  await t.rejects(ask(`http://127.0.0.1:${launcher.port}/`))

  await launcher.admin('POST', '/stop')
  launcher.door.status = 200
  t.match(JSON.parse((await launcher.admin('POST', '/reload')).text), { restarted: false })
  const stopped = await launcher.state()
  t.strictSame([stopped.phase, stopped.message], ['stopped', undefined], 'it is stopped because it is to be')

  launcher.door.status = 401
  await launcher.admin('POST', '/reload')
  launcher.door.status = 200
  await launcher.admin('POST', '/start')
  t.match(JSON.parse((await launcher.admin('POST', '/reload')).text), {
    restarted: true,
    state: { phase: 'running' },
  })
})

t.test('a port that is taken is said', async (t) => {
  const { createServer } = await import('node:http')
  const port = await freePortPair()
  const other = createServer((_, response) => response.end())
  await new Promise<void>((resolve) => other.listen(port, '127.0.0.1', resolve))
  const launcher = await prepareLauncher(t, { port })
  launcher.launch()
  const state = await launcher.when('it says so', ({ phase }) => phase === 'crashed')
  t.match(state.message, `Port ${port} is in use by another process`)
  await new Promise((resolve) => other.close(resolve))
  await launcher.when('it runs', ({ phase }) => phase === 'running')
})

t.test(
  'an address that is not of this machine is said, and so is a port that is not permitted',
  async (t) => {
    const launcher = await prepareLauncher(t, { host: '192.0.2.1' })
    launcher.launch()
    const state = await launcher.when('it says so', ({ phase }) => phase === 'crashed')
    t.match(state.message, /192\.0\.2\.1 is no address of this machine: name one that is as localfs\.host/)
    const [denied, odd] = ['EACCES', 'EIO'].map((code) =>
      listenFailure(Object.assign(new Error(`listen ${code}`), { code }), { host: '127.0.0.1', port: 80 }),
    )
    t.match(denied, /^Port 80 may not be used by the user .* from 1024 up/)
    t.match(odd, /127\.0\.0\.1, port 80: listen EIO/)
  },
)
