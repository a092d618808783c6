import type Docker from 'dockerode'
import { DriverError } from '../driver.ts'
import { createBounded, type Ask, type Bounded } from './bounded.ts'
import { createBody, labels, updateBody, type ContainerSpec } from './container-spec.ts'
import { pullImage, type OnProgress } from './pull-image.ts'
import { writeFile } from './write-file.ts'
import { createEngineFacts } from './engine-facts.ts'
import { hasStatus, saidBy } from './engine-error.ts'
import { asInspected, asListed, asVolume, type Inspected, type Listed } from './engine-schema.ts'

/** How long a call may take, in milliseconds: one that reads, and one that changes something. */
const readWithinMs = 15_000
const changeWithinMs = 60_000
/** An image may be large, and the way to it narrow. */
const pullWithinMs = 30 * 60_000

/** Labels that a container, volume or network is to carry. */
export interface Labels {
  readonly [name: string]: string
}

/** What the driver asks of a Docker Engine. Every call ends in time, and throws a `DriverError` where it fails. */
export interface Engine {
  /** All containers that carry these labels, running or not. */
  list(wanted: Labels, signal: AbortSignal): Promise<readonly Listed[]>
  /** Undefined: there is no such container. */
  inspect(id: string, signal: AbortSignal): Promise<Inspected | undefined>
  /** Gives the id. @throws DriverError `ImageMissing` or `NameTaken`. */
  create(spec: ContainerSpec, name: string, signal: AbortSignal): Promise<string>
  /** @throws DriverError `PullFailed`. */
  pull(image: string, onProgress: OnProgress, signal: AbortSignal): Promise<void>
  start(id: string, signal: AbortSignal): Promise<void>
  /** Settles when it has ended, by force after its grace. */
  stop(id: string, graceSeconds: number, signal: AbortSignal): Promise<void>
  unpause(id: string, signal: AbortSignal): Promise<void>
  rename(id: string, name: string, signal: AbortSignal): Promise<void>
  setLimits(id: string, spec: ContainerSpec, signal: AbortSignal): Promise<void>
  remove(id: string, signal: AbortSignal): Promise<void>
  connect(id: string, network: string, signal: AbortSignal): Promise<void>
  disconnect(id: string, network: string, signal: AbortSignal): Promise<void>
  /** Makes the network where it is missing. */
  ensureNetwork(name: string, carrying: Labels, signal: AbortSignal): Promise<void>
  /** Makes the volume where it is missing; gives the labels of the one that is there. */
  ensureVolume(name: string, carrying: Labels, signal: AbortSignal): Promise<Labels>
  volumeLabels(name: string, signal: AbortSignal): Promise<Labels | undefined>
  removeVolume(name: string, signal: AbortSignal): Promise<void>
  /** Puts a file into a container that runs; whoever waits for it sees it whole. Its content stands in no argument. */
  write(
    id: string,
    written: { readonly file: string; readonly content: string },
    signal: AbortSignal,
  ): Promise<void>
}

/** `onLost` is told of each call that the engine did not take or did not answer. */
export function createEngine(docker: Docker, onLost: () => void = () => undefined): Engine {
  const container = (id: string) => docker.getContainer(id)
  const bounded = createBounded(onLost)
  const change = changeBy(bounded)
  const facts = createEngineFacts({ docker, bounded }, unlessGone)
  return {
    list: async (wanted, signal) => {
      const label = Object.entries(wanted).map(([name, value]) => `${name}=${value}`)
      const ask = async (abortSignal: AbortSignal) =>
        docker.listContainers({ all: true, filters: { label }, abortSignal })
      return asListed(await bounded('list containers', readWithinMs, ask, signal))
    },
    inspect: async (id, signal) => {
      const ask = async (abortSignal: AbortSignal) => container(id).inspect({ abortSignal })
      const found = await unlessGone(bounded('inspect a container', readWithinMs, ask, signal))
      return found === undefined ? undefined : facts.complete(asInspected(found), signal)
    },
    create: async (spec, name, signal) => create({ docker, bounded }, { spec, name }, signal),
    pull: async (image, onProgress, signal) => {
      const ask = async (abortSignal: AbortSignal) => pullImage(docker, { image, onProgress }, abortSignal)
      await bounded(`pull the image ${image}`, pullWithinMs, ask, signal)
    },
    start: async (id, signal) =>
      change('start a container', async (abortSignal) => container(id).start({ abortSignal }), signal),
    stop: async (id, grace, signal) => {
      const ask: Ask<unknown> = async (abortSignal) => container(id).stop({ t: grace, abortSignal })
      await unlessGone(bounded('stop a container', changeWithinMs + grace * 1000, unlessDone(ask), signal))
    },
    unpause: async (id, signal) =>
      change('unpause a container', async (abortSignal) => container(id).unpause({ abortSignal }), signal),
    rename: async (id, name, signal) =>
      change(
        'rename a container',
        async (abortSignal) => container(id).rename({ name, abortSignal }),
        signal,
      ),
    setLimits: async (id, spec, signal) => {
      const body = { ...updateBody(spec), PidsLimit: spec.pids }
      await change(
        'change the limits of a container',
        async (abortSignal) => container(id).update({ ...body, abortSignal }),
        signal,
      )
    },
    remove: async (id, signal) => {
      const ask: Ask<unknown> = async (abortSignal) =>
        container(id).remove({ force: true, v: true, abortSignal })
      await unlessGone(bounded('remove a container', changeWithinMs, ask, signal))
    },
    write: async (id, written, signal) => {
      const ask = async (abortSignal: AbortSignal) => writeFile(container(id), written, abortSignal)
      await bounded('write a file into a container', changeWithinMs, ask, signal)
    },
    ...networksOf({ docker, bounded }),
    ...volumesOf({ docker, bounded }),
  }
}

interface Parts {
  readonly docker: Docker
  readonly bounded: Bounded
}

function networksOf({ docker, bounded }: Parts): Pick<Engine, 'connect' | 'disconnect' | 'ensureNetwork'> {
  const change = changeBy(bounded)
  return {
    connect: async (Container, network, signal) => {
      const ask: Ask<unknown> = async (abortSignal) => {
        const options = { Container, abortSignal }
        return docker.getNetwork(network).connect(options)
      }
      await change(`connect a container to the network ${network}`, ask, signal)
    },
    disconnect: async (Container, network, signal) => {
      const ask: Ask<unknown> = async (abortSignal) => {
        const options = { Container, Force: true, abortSignal }
        return docker.getNetwork(network).disconnect(options)
      }
      await change(`disconnect a container from the network ${network}`, ask, signal)
    },
    ensureNetwork: async (name, carrying, signal) => {
      // The filter finds names that only contain it, too.
      const look = async (abortSignal: AbortSignal) =>
        docker.listNetworks({ filters: { name: [name] }, abortSignal })
      const found = await bounded('list networks', readWithinMs, look, signal)
      if (found.some(({ Name }) => Name === name)) return
      const make = async (abortSignal: AbortSignal) =>
        docker.createNetwork({
          Name: name,
          Driver: 'bridge',
          CheckDuplicate: true,
          Labels: { ...carrying },
          abortSignal,
        })
      // Another call may have been quicker.
      await change(`make the network ${name}`, unlessDone(make, 409), signal)
    },
  }
}

function volumesOf({
  docker,
  bounded,
}: Parts): Pick<Engine, 'ensureVolume' | 'volumeLabels' | 'removeVolume'> {
  const change = changeBy(bounded)
  async function volumeLabels(name: string, signal: AbortSignal): Promise<Labels | undefined> {
    const look = async (abortSignal: AbortSignal) => docker.getVolume(name).inspect({ abortSignal })
    const found = await unlessGone(bounded('look at a volume', readWithinMs, look, signal))
    return found === undefined ? undefined : (asVolume(found).Labels ?? {})
  }
  return {
    volumeLabels,
    ensureVolume: async (name, carrying, signal) => {
      const make: Ask<unknown> = async (abortSignal) =>
        docker.createVolume({ Name: name, Labels: { ...carrying }, abortSignal })
      await change(`make the volume ${name}`, make, signal)
      return (await volumeLabels(name, signal)) ?? {}
    },
    removeVolume: async (name, signal) => {
      const ask: Ask<unknown> = async (abortSignal) => docker.getVolume(name).remove({ abortSignal })
      await unlessGone(bounded(`remove the volume ${name}`, changeWithinMs, ask, signal))
    },
  }
}

async function create(
  { docker, bounded }: Parts,
  { spec, name }: { readonly spec: ContainerSpec; readonly name: string },
  signal: AbortSignal,
): Promise<string> {
  const body = createBody(spec)
  const ask = async (abortSignal: AbortSignal) => docker.createContainer({ name, ...body, abortSignal })
  try {
    return (await bounded('create a container', changeWithinMs, ask, signal)).id
  } catch (error) {
    const cause = causeOf(error)
    if (hasStatus(cause, 404) && /no such image/i.test(saidBy(cause)))
      throw new DriverError(
        'ImageMissing',
        `the engine has no image ${spec.image}: build it there, or have it pulled (docker.pull)`,
        { cause },
      )
    if (hasStatus(cause, 409))
      throw new DriverError(
        'NameTaken',
        `the container name ${name} is taken by a container that is not ours: rename or remove that one`,
        { cause },
      )
    throw error
  }
}

function changeBy(bounded: Bounded): (call: string, ask: Ask<unknown>, signal: AbortSignal) => Promise<void> {
  return async (call, ask, signal) => {
    await bounded(call, changeWithinMs, ask, signal)
  }
}

/** What the engine calls "not modified" is what was asked for. */
function unlessDone<T>(ask: Ask<T>, done = 304): Ask<T | undefined> {
  return async (signal) => {
    try {
      return await ask(signal)
    } catch (error) {
      if (hasStatus(error, done)) return undefined
      throw error
    }
  }
}

async function unlessGone<T>(asking: Promise<T>): Promise<T | undefined> {
  try {
    return await asking
  } catch (error) {
    if (hasStatus(causeOf(error), 404)) return undefined
    throw error
  }
}

function causeOf(error: unknown): unknown {
  return error instanceof Error ? error.cause : undefined
}

/** What tells a fleet's own things from all others. */
export function ownership(fleet: string, uid?: string): Labels {
  return { [labels.fleet]: fleet, ...(uid === undefined ? {} : { [labels.uid]: uid }) }
}

/** Whom a container of a fleet serves. One that names nobody stands for itself, by its own id. */
export function uidOf({ Id, Labels }: Pick<Listed, 'Id' | 'Labels'>): string {
  return Labels[labels.uid] || Id
}
