import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { ask, member, settingsFor, startLauncher } from '../support/launcher.ts'

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
