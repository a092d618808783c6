import type Docker from 'dockerode'
import { DriverError } from '../driver.ts'
import { createBody, labels, updateBody, type ContainerSpec, type Labels } from './container-spec.ts'
import { pullImage, type Pull } from './pull-image.ts'
import { readFile } from './read-file.ts'
import { writeFile } from './write-file.ts'
import { hasStatus, saidBy } from './engine-error.ts'
import {
  causeOf,
  changeWithinMs,
  createCalls,
  readWithinMs,
  unlessDone,
  unlessGone,
  type Ask,
  type Calls,
} from './engine-call.ts'
import { createEngineFacts } from './engine-facts.ts'
import { networksOf, type Networks } from './networks.ts'
import { volumesOf, type Volumes } from './volumes.ts'
import { asInspected, asListed, type Inspected, type Listed } from './engine-schema.ts'

/** An image may be large, and the way to it narrow. */
const pullWithinMs = 30 * 60_000

/** What the driver asks of a Docker Engine. Every call ends in time, and throws a `DriverError` where it fails. */
export interface Engine extends Networks, Volumes {
  /** All containers that carry these labels, running or not. */
  list(wanted: Labels, signal: AbortSignal): Promise<readonly Listed[]>
  /** Undefined: there is no such container. */
  inspect(id: string, signal: AbortSignal): Promise<Inspected | undefined>
  /** Gives the id. @throws DriverError `ImageMissing` or `NameTaken`. */
  create(spec: ContainerSpec, name: string, signal: AbortSignal): Promise<string>
  /** @throws DriverError `ImageUnknown`, `PullDenied`, `PullFailed`. */
  pull(wanted: Pull, signal: AbortSignal): Promise<void>
  /** @throws DriverError `StartRefused`. */
  start(id: string, signal: AbortSignal): Promise<void>
  /** Settles when it has ended, by force after its grace. */
  stop(id: string, graceSeconds: number, signal: AbortSignal): Promise<void>
  unpause(id: string, signal: AbortSignal): Promise<void>
  rename(id: string, name: string, signal: AbortSignal): Promise<void>
  setLimits(id: string, spec: ContainerSpec, signal: AbortSignal): Promise<void>
  remove(id: string, signal: AbortSignal): Promise<void>
  /** Undefined: there is no such file, or no such container. */
  read(id: string, path: string, signal: AbortSignal): Promise<string | undefined>
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
  const calls = createCalls(docker, onLost)
  const { bounded, change } = calls
  const facts = createEngineFacts(calls)
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
    create: async (spec, name, signal) => create(calls, { spec, name }, signal),
    pull: async (wanted, signal) => {
      const ask = async (abortSignal: AbortSignal) => pullImage(docker, wanted, abortSignal)
      await bounded(`pull the image ${wanted.image}`, pullWithinMs, ask, signal)
    },
    start: async (id, signal) => start(calls, id, signal),
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
    read: async (id, path, signal) => {
      const ask = async (abortSignal: AbortSignal) => readFile(container(id), path, abortSignal)
      return unlessGone(bounded('read a file of a container', changeWithinMs, ask, signal))
    },
    write: async (id, written, signal) => {
      const ask = async (abortSignal: AbortSignal) => writeFile(container(id), written, abortSignal)
      await bounded('write a file into a container', changeWithinMs, ask, signal)
    },
    ...networksOf(calls),
    ...volumesOf(calls),
  }
}

async function create(
  { docker, bounded }: Calls,
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

async function start({ docker, change }: Calls, id: string, signal: AbortSignal): Promise<void> {
  try {
    await change(
      'start a container',
      async (abortSignal) => docker.getContainer(id).start({ abortSignal }),
      signal,
    )
  } catch (error) {
    if (!(error instanceof DriverError && error.reason === 'EngineRefused')) throw error
    throw new DriverError('StartRefused', error.message, { cause: error.cause })
  }
}

/** What tells a fleet's own things from all others. */
export function ownership(fleet: string, uid?: string): Labels {
  return { [labels.fleet]: fleet, ...(uid === undefined ? {} : { [labels.uid]: uid }) }
}

/** Whom a container of a fleet serves. One that names nobody stands for itself, by its own id. */
export function uidOf({ Id, Labels }: Pick<Listed, 'Id' | 'Labels'>): string {
  return Labels[labels.uid] || Id
}
