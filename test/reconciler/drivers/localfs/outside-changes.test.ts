import { spawn } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import {
  appendFile,
  chmod,
  cp,
  mkdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import type { Driver, LogLine } from '../../../../reconciler/drivers/driver.ts'
import { launcherTitle } from '../../../../reconciler/drivers/localfs/processes.ts'
import type { RuntimeSettings } from '../../../../launcher/wire.ts'
import type { PlacedInstance } from '../../../../reconciler/model/placed-instance.ts'
import type { ResolvedInstance } from '../../../../reconciler/model/resource.ts'
import { launcherProgram, setUpLocalfs } from '../../../support/localfs.ts'
import { until } from '../../../support/until.ts'

const fleet = 'fleet-a'
const { signal } = new AbortController()
const localfs = await setUpLocalfs(t)
const { data, world } = localfs
const directoryOf = ({ uid }: PlacedInstance) => join(data, 'instances', uid)

/** What a test needs of tap. */
interface Test {
  teardown(end: () => unknown): void
}

async function begin(t: Test, spec: Partial<ResolvedInstance> = {}) {
  const driver = localfs.makeDriver(fleet)
  const instance = await localfs.makeInstance({ fleet, spec })
  t.teardown(async () => {
    await driver.remove(instance.uid, signal)
    await driver[Symbol.asyncDispose]()
  })
  const sight = async () => (await driver.observe(signal)).find(({ uid }) => uid === instance.uid)
  const create = () => driver.create(instance, localfs.credentials(instance), signal)
  const running = () => until('running', async () => isRunning(await sight()))
  return { driver, instance, sight, create, running }
}

function isRunning(sighting: Awaited<ReturnType<Driver['observe']>>[number] | undefined) {
  return sighting?.kind === 'present' && sighting.phase === 'running'
}

t.test('directories and files are for their owner alone, and are made so again', async (t) => {
  const { instance, create } = await begin(t)
  await create()
  const modeOf = async (path: string) => (await stat(path)).mode & 0o777
  const directory = directoryOf(instance)
  t.equal(await modeOf(directory), 0o700)
  for (const file of ['launcher.json', 'instance.json', 'launcher.out'])
    t.equal(await modeOf(join(directory, file)), 0o600, file)
  t.notMatch(await readFile(join(directory, 'instance.json'), 'utf8'), /canary/)
  await chmod(directory, 0o755)
  await create()
  t.equal(await modeOf(directory), 0o700)
})

t.test('no token in the arguments or the environment of any process', async (t) => {
  const { instance, create, running } = await begin(t)
  await create()
  await running()
  const { runtimeToken, adminToken } = localfs.credentials(instance)
  const pids = process.platform === 'linux' ? readdirSync('/proc').filter((pid) => /^\d+$/.test(pid)) : []
  const shown = pids.map((pid) => read(`/proc/${pid}/cmdline`) + read(`/proc/${pid}/environ`))
  for (const token of [runtimeToken, adminToken])
    t.strictSame(
      shown.filter((text) => text.includes(token.reveal())),
      [],
    )
})

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

t.test('a port that somebody else has is named, and the instance comes once it is free', async (t) => {
  for (const offset of [0, 1000]) {
    const { instance, create, running, sight } = await begin(t)
    const port = (instance.port ?? 0) + offset
    const squatter = createServer()
    await new Promise<void>((resolve) => squatter.listen(port, '127.0.0.1', resolve))
    t.teardown(() => squatter.close())
    const refusal: unknown = await create().catch((error: unknown) => error)
    t.match(refusal, {
      reason: 'PortInUse',
      message: new RegExp(`port ${port} is held by`),
    })
    if (process.platform === 'linux') t.match(refusal, { message: new RegExp(`pid ${process.pid}`) })
    t.match(await sight(), { kind: 'present', phase: 'stopped' })
    await new Promise((resolve) => squatter.close(resolve))
    await create()
    await running()
  }
})

t.test('settings.js that was edited is drift, and is put back', async (t) => {
  const { instance, create, running, sight } = await begin(t)
  await create()
  await running()
  const file = join(directoryOf(instance), 'user', 'settings.js')
  const written = await readFile(file, 'utf8')
  await appendFile(file, '\n// by hand\n')
  await until('seen', async () => {
    const seen = await sight()
    return seen?.kind === 'present' && seen.fields['settings.js'] === 'changed'
  })
  const pids = await localfs.pids(instance.uid)
  await create()
  await running()
  t.equal(await readFile(file, 'utf8'), written)
  t.strictSame(await localfs.pids(instance.uid), pids, 'Node-RED starts again, its launcher does not')
})

t.test('instance.json or launcher.json damaged below a live launcher', async (t) => {
  for (const file of ['instance.json', 'launcher.json']) {
    const { instance, create, running, sight } = await begin(t)
    await create()
    await running()
    for (const damage of [
      () => writeFile(join(directoryOf(instance), file), '{ "half'),
      () => rm(join(directoryOf(instance), file)),
    ]) {
      await damage()
      t.match(await sight(), { kind: 'present', fields: { state: 'running', directory: 'damaged' } }, file)
      await create()
      await running()
      t.equal(await world.count(instance.uid), 1)
      t.match(await sight(), { fields: { directory: 'intact' } })
    }
  }
})

t.test('launcher.json with another token below a live launcher', async (t) => {
  const { instance, create, running, sight } = await begin(t)
  await create()
  await running()
  const forged = { ...(await localfs.bootstrap(instance.uid)), adminToken: 'another' }
  await writeFile(join(directoryOf(instance), 'launcher.json'), JSON.stringify(forged))
  t.match(await sight(), { kind: 'present', fields: { state: 'running', directory: 'damaged' } })
  await create()
  await running()
  t.equal(await world.count(instance.uid), 1)
  t.not((await localfs.bootstrap(instance.uid)).adminToken, 'another')
})

t.test('the end of a launcher that was only adopted is noticed', async (t) => {
  const { instance, create, running } = await begin(t)
  await create()
  await running()
  const successor = localfs.makeDriver(fleet)
  t.teardown(() => successor[Symbol.asyncDispose]())
  await successor.observe(signal)
  const events = successor.events?.(signal)[Symbol.asyncIterator]()
  const noticed = events?.next()
  await world.kill(instance.uid)
  t.strictSame((await noticed)?.value, { uid: instance.uid })
})

t.test('a launcher that ends at once says why', async (t) => {
  const program = join(
    t.testdir({ 'broken.js': 'console.error("out of luck"); process.exit(3)' }),
    'broken.js',
  )
  const driver = localfs.makeDriver(fleet, { launcher: { program, nodeFlags: [] } })
  const instance = await localfs.makeInstance({ fleet })
  t.teardown(async () => {
    await driver.remove(instance.uid, signal)
    await driver[Symbol.asyncDispose]()
  })
  const failure: unknown = await driver
    .create(instance, localfs.credentials(instance), signal)
    .catch((error: unknown) => error)
  t.match(failure, { reason: 'LauncherFailed', message: /\(3\): out of luck/ })
})

t.test('an address that is not of this machine is said, whoever finds it out', async (t) => {
  const driver = localfs.makeDriver(fleet, { host: '192.0.2.1' })
  const instance = await localfs.makeInstance({ fleet })
  t.teardown(async () => {
    await driver.remove(instance.uid, signal)
    await driver[Symbol.asyncDispose]()
  })
  const failure: unknown = await driver
    .create(instance, localfs.credentials(instance), signal)
    .catch((error: unknown) => error)
  t.match(failure, { message: /192\.0\.2\.1 is no address of this machine/ })
})

t.test('a launcher that cannot take its settings over says why, and starts on those of before', async (t) => {
  const { instance, create, running } = await begin(t)
  await create()
  await running()
  const token = localfs.credentials(instance).runtimeToken.reveal()
  const whole = localfs.settings.get(token)
  t.teardown(() => whole && localfs.settings.set(token, whole))
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  localfs.settings.set(token, { uid: instance.uid } as RuntimeSettings)
  const refused = {
    reason: 'LauncherRefused',
    message: /could not reload: the reconciler sends settings that are not complete/,
  }
  t.match(await create().catch((error: unknown) => error), refused)

  await world.stopFromWithin(instance.uid)
  t.match(await create().catch((error: unknown) => error), refused)
  await running()
})

t.test('a copy of an instance is no instance', async (t) => {
  const { driver, instance, create, running } = await begin(t)
  await create()
  await running()
  const copy = `${instance.uid.slice(0, -4)}0000`
  await cp(directoryOf(instance), join(data, 'instances', copy), { recursive: true })
  t.same(
    (await driver.observe(signal)).filter(({ uid }) => uid === copy),
    [],
  )
  await driver.remove(copy, signal)
  t.ok((await stat(join(data, 'instances', copy))).isDirectory(), 'it is left alone')
  await rm(join(data, 'instances', copy), { recursive: true })
})

t.test('a stack that is gone is seen', async (t) => {
  const { instance, create, running, sight } = await begin(t)
  await create()
  await running()
  t.match(await sight(), { fields: { 'stack.files': 'intact' } })
  const { stack } = await localfs.bootstrap(instance.uid)
  const aside = `${stack}.aside`
  await rename(stack, aside)
  t.teardown(() => rename(aside, stack).catch(() => undefined))
  t.match(await sight(), { fields: { 'stack.files': 'missing' } })
})

t.test('another launcher program replaces the launcher', async (t) => {
  const { instance, create, running } = await begin(t)
  await create()
  await running()
  const before = await localfs.pids(instance.uid)
  const upgraded = localfs.makeDriver(fleet, {
    launcher: { program: launcherProgram, nodeFlags: ['--max-semi-space-size=1'] },
  })
  t.teardown(() => upgraded[Symbol.asyncDispose]())
  await upgraded.update(instance, instance, localfs.credentials(instance), signal)
  await running()
  const after = await localfs.pids(instance.uid)
  t.equal(after.length, 1)
  t.notSame(after, before)
})

t.test('a second launcher for one instance is seen, and does not survive an update', async (t) => {
  const { instance, create, running, sight } = await begin(t)
  await create()
  await running()
  const stray = spawn(
    process.execPath,
    ['-e', 'setInterval(() => {}, 1000)', '--', '--directory', directoryOf(instance)],
    { argv0: launcherTitle(fleet), stdio: 'ignore' },
  )
  t.teardown(() => stray.kill('SIGKILL'))
  await until('seen twice', async () => {
    const seen = await sight()
    return seen?.kind === 'present' && seen.fields['launchers'] === 2
  })
  await create()
  await running()
  t.equal(await world.count(instance.uid), 1)
  t.notOk((await localfs.pids(instance.uid)).includes(stray.pid ?? 0))
})

t.test('a process that only looks like a launcher is neither believed nor touched', async (t) => {
  const { driver, instance, create, sight } = await begin(t, { state: 'stopped' })
  await create()
  const lookAlike = spawn(
    process.execPath,
    ['-e', 'setInterval(() => {}, 1000)', '--', '--directory', directoryOf(instance)],
    { stdio: 'ignore' },
  )
  const ended = new Promise((resolve) => lookAlike.once('exit', (_, by) => resolve(by)))
  t.teardown(() => lookAlike.kill('SIGKILL'))
  await until('listed', async () => (await world.count(instance.uid)) === 1)
  t.match(await sight(), { kind: 'present', phase: 'stopped', fields: { state: 'stopped' } })
  await create()
  await driver.remove(instance.uid, signal)
  lookAlike.kill('SIGUSR2')
  t.equal(await ended, 'SIGUSR2', 'it lived until the test ended it')
})

t.test('a removal that was cut off is ended by the next driver', async (t) => {
  const left = join(data, 'trash', 'some-uid-abc', 'instance')
  await mkdir(left, { recursive: true })
  const { create } = await begin(t)
  await create()
  await t.rejects(stat(left))
})

t.test('a uid that is no name for a directory is refused', async (t) => {
  const { driver } = await begin(t)
  for (const uid of ['../other', '', '.', 'a/b'])
    t.match(await driver.remove(uid, signal).catch((error: unknown) => error), { reason: 'InvalidUid' })
})

t.test('something else in the place of its directory is left alone, and said', async (t) => {
  const { instance, create, sight } = await begin(t)
  const place = directoryOf(instance)
  await mkdir(join(data, 'instances'), { recursive: true })
  const elsewhere = t.testdir()
  const put = [() => writeFile(place, 'a file'), () => symlink(elsewhere, place)]
  for (const before of put) {
    await before()
    t.equal(await sight(), undefined)
    t.match(await create().catch((error: unknown) => error), { reason: 'NotADirectory' })
    await rm(place)
  }
  t.strictSame(readdirSync(elsewhere), [])
})

t.test('what the machine refuses is an error of the driver', async (t) => {
  const blocked = join(t.testdir({ data: 'a file' }), 'data')
  const driver = localfs.makeDriver(fleet, { data: blocked })
  t.teardown(() => driver[Symbol.asyncDispose]())
  const instance = await localfs.makeInstance({ fleet })
  const refusal: unknown = await driver
    .create(instance, localfs.credentials(instance), signal)
    .catch((error: unknown) => error)
  t.match(refusal, { name: 'DriverError', reason: 'MachineRefused' })
})

t.test('logs: followed while it runs, from its file when it is stopped', async (t) => {
  const { driver, instance, create, running } = await begin(t)
  await create()
  await running()
  const live = await driver.logPage?.(instance.uid, { limit: 2 }, signal)
  t.equal(live?.lines.length, 2)
  const stop = new AbortController()
  const followed: LogLine[] = []
  const following = (async () => {
    for await (const line of driver.logs?.(instance.uid, { tail: 1000, follow: true }, stop.signal) ?? [])
      followed.push(line)
  })()
  await until('lines', () => followed.length > 1)
  stop.abort()
  await following
  await world.kill(instance.uid)
  await until('killed', async () => (await world.count(instance.uid)) === 0)
  const kept: LogLine[] = []
  for await (const line of driver.logs?.(instance.uid, { tail: 2, follow: true }, signal) ?? [])
    kept.push(line)
  t.equal(kept.length, 2)
  t.equal((await driver.logPage?.(instance.uid, { limit: 2 }, signal))?.lines.length, 2)
  const after = { limit: 500, ...(live === undefined ? {} : { cursor: live.next }) }
  const since = await driver.logPage?.(instance.uid, after, signal)
  t.notOk(
    since?.lines.some(({ id }) => live?.lines.some((line) => line.id === id)),
    'none twice',
  )
  t.strictSame(await driver.samples?.(instance.uid, undefined, signal), [])
})
