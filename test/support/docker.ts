import { randomUUID } from 'node:crypto'
import Docker from 'dockerode'
import { pino } from 'pino'
import type { RuntimeSettings } from '../../launcher/wire.ts'
import { createDockerDriver, type DockerOptions } from '../../reconciler/drivers/docker/docker-driver.ts'
import type { Driver } from '../../reconciler/drivers/driver.ts'
import { command } from '../../reconciler/drivers/launcher/admin-client.ts'
import type { Credentials } from '../../reconciler/model/placed-instance.ts'
import type { ResolvedInstance } from '../../reconciler/model/resource.ts'
import { driftedFields } from '../../reconciler/plan/diff-fields.ts'
import { systemClock } from '../../reconciler/telemetry/clock.ts'
import type { DriverHarness, DriverWorld } from '../conformance/driver-conformance.ts'
import { docker } from './docker-cli.ts'
import { openFleetDoor, stubSettings } from './fleet-door.ts'
import { makeCredentials, placeInstance } from './make-instance.ts'
import { stack } from './stack.ts'
import { until } from './until.ts'

/** What tests run instances on: built by `npm run image`. */
export const image = { repository: 'weir-instance', nodeRed: stack.nodeRed }
const socketPath = '/var/run/docker.sock'
/** The address of the machine that every container of the engine reaches. */
export const bridge = '172.17.0.1'

/** What a test needs of tap. */
interface Test {
  teardown(end: () => unknown): void
}

/** docker on the engine of this machine, in a network of its own. All that it makes goes with the test. */
export interface DockerUnderTest {
  readonly network: string
  readonly engine: Docker
  /** The container that serves an instance, past the driver. */
  readonly containersOf: (uid: string) => Promise<readonly Docker.ContainerInfo[]>
  readonly containerOf: (uid: string) => Promise<Docker.Container>
  readonly addressOf: (uid: string) => Promise<string>
  /** What the runtime door hands out, by token. */
  readonly settings: Map<string, RuntimeSettings>
  readonly makeDriver: (fleet: string, changes?: Partial<DockerOptions>) => Driver
  readonly makeInstance: DriverHarness['makeInstance']
  readonly credentials: (instance: { readonly uid: string }) => Credentials
  readonly world: DriverWorld
}

export async function setUpDocker(t: Test): Promise<DockerUnderTest> {
  const engine = new Docker({ socketPath })
  const mark = randomUUID().slice(0, 8)
  const network = `weir-test-${mark}`
  const door = await openFleetDoor(bridge)
  // A fleet belongs to this run, whatever name a test gives it.
  const own = (fleet: string) => `${fleet}-${mark}`
  const made = new Set<string>()
  const credentials = ({ uid }: { readonly uid: string }) => makeCredentials({ uid }, door.url)
  const containersOf = async (uid: string) =>
    engine.listContainers({ all: true, filters: { label: [`weir.uid=${uid}`] } })
  const containerOf = async (uid: string) => {
    const [found] = await containersOf(uid)
    if (found === undefined) throw new Error(`there is no container of ${uid}`)
    return engine.getContainer(found.Id)
  }
  const addressOf = async (uid: string) => {
    const { NetworkSettings } = await (await containerOf(uid)).inspect()
    return NetworkSettings.Networks[network]?.IPAddress ?? ''
  }
  t.teardown(async () => {
    for (const uid of made) await destroy(engine, uid, await containersOf(uid))
    await engine
      .getNetwork(network)
      .remove()
      .catch(() => undefined)
    await door.close()
  })
  const live = async (uid: string) => (await containersOf(uid)).filter(({ State }) => State === 'running')
  /** Of this machine: process 1 of a container is none of its own. */
  const pids = async (uid: string) => {
    const { Processes } = await (await containerOf(uid)).top({ ps_args: '-eo pid' })
    return Processes.map(([pid]: readonly string[]) => Number(pid))
  }

  return {
    network,
    engine,
    containersOf,
    containerOf,
    addressOf,
    settings: door.settings,
    credentials,
    makeDriver: (fleet, changes = {}) =>
      createDockerDriver({
        fleet: own(fleet),
        docker: engine,
        policy: {
          network,
          image: image.repository,
          runtimeUrl: door.url,
          log: { maxSize: '10m', maxFiles: 3 },
        },
        allowInstallScripts: false,
        adminTokenOf: (uid) => credentials({ uid }).adminToken,
        clock: systemClock,
        log: pino({ level: 'silent' }),
        ...changes,
      }),
    async makeInstance({ fleet, spec, like }) {
      const like_ = like === undefined ? {} : { uid: like.uid }
      const { port: _, ...placed } = placeInstance({
        fleet: own(fleet),
        port: 0,
        spec: { stack, driver: 'docker', ...spec },
        ...like_,
      })
      made.add(placed.uid)
      const listens = { host: '0.0.0.0', port: 1880 }
      door.settings.set(credentials(placed).runtimeToken.reveal(), stubSettings(placed, listens))
      return placed
    },
    world: {
      count: async (uid) => (await live(uid)).length,
      snapshot: async () => snapshot(engine, mark),
      mark: async (uid) => {
        await docker('exec', (await containerOf(uid)).id, 'touch', '/data/mark')
      },
      isMarked: async (uid) => isMarked(`weir-${uid}`),
      kill: async (uid) => (await containerOf(uid)).kill(),
      destroy: async (uid) => destroy(engine, uid, await containersOf(uid)),
      stopFromWithin: async (uid) => {
        const address = {
          adminHost: await addressOf(uid),
          adminPort: 2880,
          adminToken: credentials({ uid }).adminToken.reveal(),
        }
        await command(
          address,
          { verb: 'stop', limit: AbortSignal.timeout(10_000) },
          new AbortController().signal,
        )
      },
      hang: async (uid, hung) => {
        for (const pid of await pids(uid)) process.kill(pid, hung ? 'SIGSTOP' : 'SIGCONT')
      },
    },
  }
}

/** One instance with a driver of its own, which both go with the test. */
export async function beginInstance(
  t: Test,
  under: Pick<DockerUnderTest, 'makeDriver' | 'makeInstance' | 'credentials'>,
  {
    spec = {},
    options = {},
  }: { readonly spec?: Partial<ResolvedInstance>; readonly options?: Partial<DockerOptions> } = {},
) {
  const { signal } = new AbortController()
  const driver = under.makeDriver('fleet-a', options)
  const instance = await under.makeInstance({ fleet: 'fleet-a', spec })
  t.teardown(async () => {
    await driver.remove(instance.uid, signal)
    await driver[Symbol.asyncDispose]()
  })
  const sight = async () => (await driver.observe(signal)).find(({ uid }) => uid === instance.uid)
  return {
    driver,
    instance,
    signal,
    sight,
    create: async () => driver.create(instance, under.credentials(instance), signal),
    /** Brings it about as it is, or as another declaration says. */
    update: async (changed: Partial<ResolvedInstance> = {}) => {
      const like = await under.makeInstance({
        fleet: 'fleet-a',
        like: instance,
        spec: { ...instance.spec, ...changed },
      })
      await driver.update(instance, like, under.credentials(instance), signal)
      return like
    },
    /** Waits until it is seen as it is expected to be. */
    asExpected: async (placed = instance) => {
      const expected = driver.expected(placed)
      await until('it is as expected', async () => {
        const seen = await sight()
        return (
          seen?.kind === 'present' &&
          seen.phase === placed.spec.state &&
          driftedFields(expected, seen.fields).length === 0
        )
      })
    },
    /** The paths in which it is seen to differ. */
    drift: async () => {
      const seen = await sight()
      if (seen?.kind !== 'present') return seen?.kind
      return driftedFields(driver.expected(instance), seen.fields).map(({ path }) => path)
    },
  }
}

async function destroy(engine: Docker, uid: string, containers: readonly Docker.ContainerInfo[]) {
  for (const { Id } of containers)
    await engine
      .getContainer(Id)
      .remove({ force: true })
      .catch(() => undefined)
  await engine
    .getVolume(`weir-${uid}`)
    .remove()
    .catch(() => undefined)
}

/** Whether the volume holds what was left in it, be there a container or not. */
async function isMarked(volume: string): Promise<boolean> {
  if ((await docker('volume', 'ls', '--quiet', '--filter', `name=^${volume}$`)) === '') return false
  const probe = ['run', '--rm', '--network', 'none', '--volume', `${volume}:/data:ro`, '--entrypoint', 'test']
  return docker(...probe, `${image.repository}:${image.nodeRed}`, '-e', '/data/mark').then(
    () => true,
    () => false,
  )
}

/** All that the engine says of a run's containers and volumes, but for what time alone changes. */
async function snapshot(engine: Docker, mark: string): Promise<unknown> {
  const ours = ({ Labels }: { readonly Labels: Readonly<Record<string, string>> | null }) =>
    Labels?.['weir.fleet']?.endsWith(`-${mark}`) === true
  const containers = await engine.listContainers({ all: true })
  const { Volumes } = await engine.listVolumes()
  return [
    await Promise.all(
      containers.filter(ours).map(async ({ Id }) => {
        const { State, ...rest } = await engine.getContainer(Id).inspect()
        return [rest, State.Status, State.StartedAt]
      }),
    ),
    Volumes.filter(ours)
      .map(({ Name }) => Name)
      .toSorted(),
  ]
}
