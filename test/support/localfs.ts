import { mkdir, mkdtemp, readFile, readdir, realpath, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import type { LauncherBootstrap, RuntimeSettings } from '../../launcher/wire.ts'
import type { Driver } from '../../reconciler/drivers/driver.ts'
import { command } from '../../reconciler/drivers/launcher/admin-client.ts'
import { isLauncherBootstrap } from '../../reconciler/drivers/launcher/launcher-schema.ts'
import { createLocalfsDriver, type LocalfsOptions } from '../../reconciler/drivers/localfs/localfs-driver.ts'
import { createProcessTable } from '../../reconciler/drivers/localfs/processes.ts'
import type { Credentials, PlacedInstance } from '../../reconciler/model/placed-instance.ts'
import { systemClock } from '../../reconciler/telemetry/clock.ts'
import type { DriverHarness, DriverWorld } from '../conformance/driver-conformance.ts'
import { openFleetDoor, stubSettings } from './fleet-door.ts'
import { nodeRedsOf } from './fleet.ts'
import { freePortPair } from './free-port.ts'
import { makeCredentials, placeInstance } from './make-instance.ts'
import { machine, seedStack, stack } from './stack.ts'
import { until } from './until.ts'

export const launcherProgram = join(import.meta.dirname, '../../launcher/main.ts')

/** What a test needs of tap. */
interface Test {
  teardown(end: () => unknown): void
}

/** localfs in a folder of its own, with a runtime door. All its processes end with the test. */
export interface LocalfsUnderTest {
  readonly data: string
  /** What the runtime door hands out, by token. */
  readonly settings: Map<string, RuntimeSettings>
  readonly makeDriver: (fleet: string, changes?: Partial<LocalfsOptions>) => Driver
  readonly makeInstance: DriverHarness['makeInstance']
  readonly credentials: (instance: PlacedInstance) => Credentials
  readonly bootstrap: (uid: string) => Promise<LauncherBootstrap>
  readonly pids: (uid: string) => Promise<readonly number[]>
  readonly world: DriverWorld
}

export async function setUpLocalfs(t: Test): Promise<LocalfsUnderTest> {
  // not t.testdir(): it is removed, or cannot be, while what runs in it still writes there
  const root = await realpath(await mkdtemp(join(tmpdir(), 'weir-localfs-')))
  const data = join(root, 'data')
  const door = await openFleetDoor()
  const table = createProcessTable({ platform: process.platform })
  const instances = join(data, 'instances')
  const launchersOf = async (uid: string) =>
    (await table.launchers(instances)).filter(({ directory }) => directory === join(instances, uid))
  t.teardown(async () => {
    for (const left of await table.launchers(instances)) await table.signal(left, 'SIGKILL')
    await until('all of Node-RED is gone', () => nodeRedsOf(data).length === 0)
    await door.close()
    await rm(root, { recursive: true, force: true, maxRetries: 5 })
  })
  await seedStack(data)
  const credentials = (instance: PlacedInstance) => makeCredentials(instance, door.url)
  const bootstrap = (uid: string) => readBootstrap(join(instances, uid, 'launcher.json'))
  const signalAll = async (uid: string, signal: NodeJS.Signals) => {
    for (const found of await launchersOf(uid)) await table.signal(found, signal)
  }
  const mark = (uid: string) => join(instances, uid, 'user', 'mark')

  return {
    data,
    settings: door.settings,
    credentials,
    bootstrap,
    pids: async (uid) => (await launchersOf(uid)).map(({ pid }) => pid),
    makeDriver: (fleet, changes = {}) =>
      createLocalfsDriver({
        data,
        fleet,
        host: '127.0.0.1',
        allowInstallScripts: false,
        launcher: { program: launcherProgram, nodeFlags: [] },
        npm: 'npm',
        machine,
        environment: process.env,
        clock: systemClock,
        log: pino({ level: 'silent' }),
        ...changes,
      }),
    async makeInstance({ fleet, spec, like }) {
      const port = like?.port ?? (await freePortPair())
      const placed = placeInstance({ fleet, port, spec: { stack, ...spec }, ...(like && { uid: like.uid }) })
      door.settings.set(
        credentials(placed).runtimeToken.reveal(),
        stubSettings(placed, { host: '127.0.0.1', port }),
      )
      return placed
    },
    world: {
      count: async (uid) => (await launchersOf(uid)).length,
      snapshot: () => snapshot(instances),
      mark: async (uid) => {
        await mkdir(join(instances, uid, 'user'), { recursive: true })
        await writeFile(mark(uid), 'here')
      },
      isMarked: async (uid) => (await stat(mark(uid)).catch(() => undefined)) !== undefined,
      kill: async (uid) => signalAll(uid, 'SIGKILL'),
      destroy: async (uid) => rm(join(instances, uid), { recursive: true, maxRetries: 5 }),
      stopFromWithin: async (uid) => {
        const limit = AbortSignal.timeout(10_000)
        await command(await bootstrap(uid), { verb: 'stop', limit }, new AbortController().signal)
      },
      hang: async (uid, hung) => signalAll(uid, hung ? 'SIGSTOP' : 'SIGCONT'),
    },
  }
}

async function readBootstrap(file: string): Promise<LauncherBootstrap> {
  const value: unknown = JSON.parse(await readFile(file, 'utf8'))
  if (!isLauncherBootstrap(value)) throw new Error(`${file} is damaged`)
  return value
}

/** Every file that the driver writes, with its content and the time it was written. */
async function snapshot(instances: string): Promise<unknown> {
  const files = (await readdir(instances))
    .toSorted()
    .flatMap((uid) =>
      ['instance.json', 'launcher.json', 'launcher.out'].map((name) => join(instances, uid, name)),
    )
  return Promise.all(
    files.map(async (file) => [
      file,
      await readFile(file, 'utf8').catch(() => undefined),
      (await stat(file).catch(() => undefined))?.mtimeMs,
    ]),
  )
}
