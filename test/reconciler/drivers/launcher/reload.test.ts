import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { reload } from '../../../../reconciler/drivers/launcher/reload.ts'
import { hastyClock } from '../../../support/hasty-clock.ts'
import { prepareLauncher, settingsFor } from '../../../support/launcher.ts'
import { openRegistry } from '../../../support/npm-registry.ts'
import { stubStack } from '../../../support/stub-stack.ts'
import { until } from '../../../support/until.ts'

const { signal } = new AbortController()
const serve = `require('node:http').createServer((_, response) => response.end()).listen(settings.uiPort, settings.uiHost)`

/** A launcher that is about to install what its registry is silent about. */
async function aboutToInstall(t: Test) {
  const folder = mkdtempSync(join(tmpdir(), 'weir-registry-'))
  const registry = await openRegistry(t, folder, [{ name: 'late', version: '1.0.0' }])
  const launcher = await prepareLauncher(t, {}, stubStack(t, serve))
  launcher.launch()
  await launcher.when('it runs', ({ phase }) => phase === 'running')
  registry.mute.add('late')
  launcher.door.settings = settingsFor(launcher.port, { digest: 'digest-2', modules: { late: '1.0.0' } })
  return { registry, launcher }
}

t.test('an installation is waited for, however long it takes', async (t) => {
  const { registry, launcher } = await aboutToInstall(t)
  const clock = hastyClock(0)
  let settled = false
  const reloaded = reload(launcher.bootstrap, clock, signal).finally(() => {
    settled = true
  })
  await until('npm has asked', () => registry.asked.includes('/late'))
  clock.times = 5
  await until('twenty minutes have passed', () => clock.now().getTime() > 1_200_000)
  t.notOk(settled)
  clock.times = 0
  registry.speak()
  t.equal(await reloaded, true)
  t.match(await launcher.state(), { phase: 'running', settings: 'digest-2', modules: { late: '1.0.0' } })
})

t.test('a launcher that hangs is waited for a minute, and whoever gives up leaves at once', async (t) => {
  const { registry, launcher } = await aboutToInstall(t)
  const leaving = new AbortController()
  const left = reload(launcher.bootstrap, hastyClock(0), leaving.signal)
  await until('npm has asked', () => registry.asked.includes('/late'))
  leaving.abort(new Error('superseded'))
  await t.rejects(left, { message: 'superseded' })

  launcher.process.kill('SIGSTOP')
  const busy = await reload(launcher.bootstrap, hastyClock(20), signal).catch((error: unknown) => error)
  t.match(busy, { reason: 'LauncherBusy' })
  launcher.process.kill('SIGCONT')
})
