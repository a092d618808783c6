import { request } from 'node:http'
import t from 'tap'
import type { LauncherLogLine } from '../../launcher/wire.ts'
import { adminToken, exited, prepareLauncher, runs, startLauncher } from '../support/launcher.ts'
import { stubStack } from '../support/stub-stack.ts'
import { until } from '../support/until.ts'

const listens = `
require('node:http').createServer((request, response) => {
  if (request.url === '/die') process.exit(7)
  if (request.url === '/say') console.log('said \\u001b[31mred\\u001b[0m')
  response.end()
}).listen(settings.uiPort, settings.uiHost, () => console.error('listening'))
`

t.test('the admin API wants its token and answers for what it knows', async (t) => {
  const launcher = await prepareLauncher(t, {}, stubStack(t, listens))
  launcher.launch()
  await launcher.when('it runs', ({ phase }) => phase === 'running')
  for (const token of ['', 'wrong', `${adminToken}x`]) {
    for (const [method = '', path = ''] of [
      ['GET', '/state'],
      ['POST', '/stop'],
      ['GET', '/nothing'],
    ]) {
      t.equal((await launcher.admin(method, path, token)).status, 401, `${method} ${path}`)
    }
  }
  t.equal((await launcher.admin('GET', '/nothing')).status, 404)
  t.equal((await launcher.admin('GET', '/stop')).status, 404)
  t.equal((await launcher.admin('GET', '/logs?tail=-1')).status, 400)
})

t.test('start, stop and restart settle whatever state it is in', async (t) => {
  const launcher = await prepareLauncher(t, {}, stubStack(t, listens))
  launcher.launch()
  const { pid: first = 0 } = await launcher.when('it runs', ({ phase }) => phase === 'running')
  t.equal((await launcher.admin('POST', '/stop')).status, 202)
  await launcher.when('it has stopped', ({ phase, pid }) => phase === 'stopped' && pid === undefined)
  t.notOk(runs(first))
  t.equal((await launcher.admin('POST', '/stop')).status, 202)
  t.equal((await launcher.admin('POST', '/start')).status, 202)
  const { pid: second } = await launcher.when('it runs', ({ phase }) => phase === 'running')
  t.equal((await launcher.admin('POST', '/start')).status, 202)
  t.equal((await launcher.admin('POST', '/restart')).status, 202)
  await launcher.when('another runs', ({ phase, pid }) => phase === 'running' && pid !== second)
  t.equal((await launcher.admin('POST', '/shutdown')).status, 202)
  t.equal(await exited(launcher.process), 0)
})

t.test('what was said before a launcher was killed is told by the next', async (t) => {
  const launcher = await prepareLauncher(t, {}, stubStack(t, listens))
  launcher.launch()
  await launcher.when('it runs', ({ phase }) => phase === 'running')
  const killed = launcher.process
  killed.kill('SIGKILL')
  await exited(killed)
  launcher.launch()
  await launcher.when('it runs again', ({ phase }) => phase === 'running')
  const lines = (await launcher.admin('GET', '/logs?tail=1000')).text
  t.equal(lines.match(/Launcher of /g)?.length, 2)
  t.ok(lines.includes(`process ${killed.pid}`))
})

t.test('a Node-RED that ends by itself is started again, and why it ended is said', async (t) => {
  const launcher = await prepareLauncher(t, {}, stubStack(t, listens))
  launcher.launch()
  await launcher.when('it runs', ({ phase }) => phase === 'running')
  await fetch(`http://127.0.0.1:${launcher.port}/die`).catch(() => undefined)
  const crashed = await launcher.when('it has crashed', ({ phase }) => phase === 'crashed')
  t.match(crashed.message, /ended with exit code 7; its log says why/)
  const again = await launcher.when('it runs again', ({ phase }) => phase === 'running')
  t.equal(again.restarts, 1)
  t.equal(again.message, undefined)
})

t.test('a stop while it waits to start again is heeded', async (t) => {
  const launcher = await prepareLauncher(t, {}, stubStack(t, 'process.exit(0)'))
  launcher.launch()
  await launcher.when('it has crashed twice', ({ phase, restarts }) => phase === 'crashed' && restarts > 0)
  await launcher.admin('POST', '/restart')
  await launcher.when('it has crashed', ({ phase }) => phase === 'crashed')
  await launcher.admin('POST', '/stop')
  await launcher.when('it has stopped', ({ phase }) => phase === 'stopped')
})

t.test('logs: the last lines, and those to come', async (t) => {
  const launcher = await prepareLauncher(t, {}, stubStack(t, listens))
  launcher.launch()
  await launcher.when('it runs', ({ phase }) => phase === 'running')
  const tail = (await launcher.admin('GET', '/logs?tail=1')).text.trim().split('\n')
  t.equal(tail.length, 1)
  let heard = ''
  const following = request(`http://127.0.0.1:${launcher.adminPort}/logs?tail=0&follow=true`, {
    headers: { authorization: `Bearer ${adminToken}` },
  })
  following.on('error', () => undefined)
  following.on('response', (response) => response.on('data', (part) => (heard += part)))
  await new Promise((resolve) => {
    following.on('response', resolve)
    following.end()
  })
  await fetch(`http://127.0.0.1:${launcher.port}/say`)
  await until('the line comes', () => heard.endsWith('\n'))
  following.destroy()
  const line: LauncherLogLine = JSON.parse(heard)
  t.match(line, { source: 'node-red', text: 'said [31mred[0m' })
  t.match(launcher.console(), JSON.stringify(line))
})

t.test('a second launcher of the same instance gives way', async (t) => {
  const launcher = await startLauncher(t)
  const { pid } = await launcher.state()
  t.equal(await exited(launcher.launch()), 75)
  t.match(launcher.console(), /is a launcher running already/)
  t.equal((await launcher.state()).pid, pid)
})
