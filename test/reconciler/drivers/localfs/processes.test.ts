import { spawn } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'
import {
  createProcessTable,
  launcherTitle,
  parseArguments,
  parsePsLine,
} from '../../../../reconciler/drivers/localfs/processes.ts'
import { until } from '../../../support/until.ts'

t.test('a launcher is told by its arguments', async (t) => {
  const argv = [launcherTitle('f1'), '--flag', 'main.ts', '--directory', '/data/a b/instances/u1', '']
  t.strictSame(parseArguments(7, argv), { pid: 7, directory: '/data/a b/instances/u1', fleet: 'f1' })
  t.strictSame(parsePsLine(`   7     1 ${argv.join(' ')}`), {
    pid: 7,
    parent: 1,
    directory: '/data/a b/instances/u1',
    fleet: 'f1',
  })
  t.strictSame(parseArguments(8, ['tail', '--directory', '/d']), { pid: 8, directory: '/d' })
  for (const other of [['vim', '/data/instances/u1/launcher.json'], ['x', '--directory'], ['']])
    t.equal(parseArguments(9, other), undefined)
  t.equal(parsePsLine(''), undefined)
})

t.test('a live one is listed, and is no longer itself when it has ended', async (t) => {
  const root = t.testdir()
  const directory = join(root, 'u1')
  const script = 'setInterval(() => {}, 1000)'
  const child = spawn(process.execPath, ['-e', script, '--', '--directory', directory], {
    argv0: launcherTitle('f1'),
    stdio: 'ignore',
  })
  t.teardown(() => child.kill('SIGKILL'))
  const table = createProcessTable({ platform: process.platform })
  const [seen] = await until('listed', async () => {
    const found = await table.launchers(root)
    return found.length === 1 && found
  })
  if (seen === undefined) throw new Error('not listed')
  t.strictSame(seen, { pid: child.pid, directory, fleet: 'f1' })
  t.ok(await table.isStill(seen))
  // A pid that was given to another launcher is not the one that was meant.
  await table.signal({ ...seen, fleet: 'f2' }, 'SIGKILL')
  t.ok(await table.isStill(seen))
  await table.signal(seen, 'SIGKILL')
  await until('ended', async () => !(await table.isStill(seen)))
  t.strictSame(await table.launchers(root), [])
})
