import type { Logger } from 'pino'
import type { Credentials, PlacedInstance } from '../../model/placed-instance.ts'
import type { Clock } from '../../telemetry/clock.ts'
import { DriverError } from '../driver.ts'
import { createTurns } from '../turns.ts'
import { candidate, isUp, keeperOf, passingName, type Candidate } from './candidates.ts'
import { checkImage } from './check-image.ts'
import {
  containerSpec,
  isVolumeName,
  labels,
  volumeName,
  type ContainerPolicy,
  type ContainerSpec,
} from './container-spec.ts'
import { ownership, uidOf, type Engine } from './engine.ts'
import type { ImagePulls } from './image-pulls.ts'
import type { Wake } from './wake-launcher.ts'
import { seenSpec } from './seen-spec.ts'

export interface LifecycleParts {
  readonly fleet: string
  readonly policy: ContainerPolicy
  readonly engine: Engine
  /** Absent: an image that the engine does not have is not pulled. */
  readonly pulls: Pick<ImagePulls, 'pull'> | undefined
  /** Has what runs in a container be what is wanted. */
  readonly wake: Wake
  readonly clock: Clock
  readonly log: Pick<Logger, 'info' | 'warn'>
}

/** Changes of single instances, one at a time for each. Every one may be repeated. */
export interface ContainerLifecycle {
  /** Makes what is there into what is asked for, from whatever state. */
  ensure(instance: PlacedInstance, credentials: Credentials, signal: AbortSignal): Promise<void>
  remove(uid: string, signal: AbortSignal): Promise<void>
  /** Whether a change of it is under way. */
  isChanging(uid: string): boolean
  /** Settles when no change is under way. */
  settled(): Promise<void>
}

export function createContainerLifecycle(options: LifecycleParts): ContainerLifecycle {
  const turns = createTurns()
  const { engine, policy, fleet } = options
  const parts = {
    ...options,
    // One at a time: the engine makes two of one name where two calls want it at once.
    ensureNetwork: async (signal: AbortSignal) =>
      turns.take(
        `network ${policy.network}`,
        async () => engine.ensureNetwork(policy.network, ownership(fleet), signal),
        signal,
      ),
  }
  const changing = new Set<string>()

  async function change(uid: string, work: () => Promise<void>, signal: AbortSignal): Promise<void> {
    const counted = async () => {
      changing.add(uid)
      try {
        await work()
      } finally {
        changing.delete(uid)
      }
    }
    await turns.take(uid, counted, signal)
  }

  return {
    ensure: async (instance, credentials, signal) =>
      change(instance.uid, async () => ensure(parts, { instance, credentials }, signal), signal),
    remove: async (uid, signal) => change(uid, async () => remove(parts, uid, signal), signal),
    isChanging: (uid) => changing.has(uid),
    settled: () => turns.settled(),
  }
}

interface Parts extends LifecycleParts {
  readonly ensureNetwork: (signal: AbortSignal) => Promise<void>
}

interface Asked {
  readonly instance: PlacedInstance
  readonly credentials: Credentials
}

/** What is there, and what it is to become. */
interface Work extends Asked {
  readonly wanted: ContainerSpec
  readonly found: readonly Candidate[]
}

async function ensure(parts: Parts, asked: Asked, signal: AbortSignal): Promise<void> {
  const { uid, spec } = asked.instance
  const wanted = containerSpec(asked.instance, parts.policy)
  const work = async (found: readonly Candidate[]) =>
    spec.state === 'stopped'
      ? halt(parts, { ...asked, wanted, found }, signal)
      : run(parts, { ...asked, wanted, found }, signal)
  const found = await find(parts, uid, wanted, signal)
  try {
    await work(found)
  } catch (error) {
    if (!(error instanceof DriverError && error.reason === 'NameTaken')) throw error
    const now = await findLate(parts, { uid, wanted, before: found.length }, signal)
    if (now === undefined) throw error
    await work(now)
  }
}

/**
 * What an earlier call asked for comes about after that call gave up: its name is taken before there is a container to be
 * seen. Undefined: none came, and the name is somebody else's.
 */
async function findLate(
  parts: Parts,
  { uid, wanted, before }: { readonly uid: string; readonly wanted: ContainerSpec; readonly before: number },
  signal: AbortSignal,
): Promise<readonly Candidate[] | undefined> {
  for (const end = parts.clock.now().getTime() + lateMs; parts.clock.now().getTime() < end;) {
    const now = await find(parts, uid, wanted, signal)
    if (now.length > before) return now
    await parts.clock.sleep(lookAgainMs, signal)
  }
  return undefined
}

/** How long the engine may take to make a container. */
const lateMs = 5_000
const lookAgainMs = 100

/** All containers of this uid. @throws DriverError `NotOurs` where one of them is another fleet's. */
async function find(
  { engine, fleet }: LifecycleParts,
  uid: string,
  wanted: ContainerSpec,
  signal: AbortSignal,
): Promise<readonly Candidate[]> {
  const listed = await engine.list({ [labels.uid]: uid }, signal)
  const foreign = listed.find(({ Labels }) => Labels[labels.fleet] !== fleet)
  if (foreign !== undefined)
    throw new DriverError(
      'NotOurs',
      `the container ${foreign.Names[0]?.slice(1) ?? foreign.Id} belongs to another fleet: it is left alone`,
    )
  const found = await Promise.all(
    listed.map(async ({ Id: id }) => {
      const inspected = await engine.inspect(id, signal)
      if (inspected === undefined) return []
      return [candidate(wanted, { id, state: inspected.State.Status, spec: seenSpec(inspected) })]
    }),
  )
  return found.flat()
}

/**
 * The next container is made while the one before still runs, so that a missing image or a full disk costs nothing.
 * Then they change over: never do two of them have the data at once. One that the engine does not start is replaced: an
 * engine that ended while it started a container may refuse to start that one for ever.
 */
async function run(parts: Parts, work: Work, signal: AbortSignal): Promise<void> {
  await parts.ensureNetwork(signal)
  const keeper = keeperOf(work.wanted, work.found)
  if (keeper === undefined) return changeOver(parts, work, await make(parts, work, signal), signal)
  try {
    await changeOver(parts, work, keeper, signal)
  } catch (error) {
    if (!(error instanceof DriverError && error.reason === 'StartRefused')) throw error
    const { name: instance } = work.instance.spec
    parts.log.warn({ instance, container: short(keeper), reason: error.message }, 'container is given up')
    await parts.engine.remove(keeper.id, signal)
    const left = { ...work, found: work.found.filter(({ id }) => id !== keeper.id) }
    await changeOver(parts, left, await make(parts, left, signal), signal)
  }
}

/** Has one container serve the instance, in place of all others. */
async function changeOver(parts: Parts, work: Work, next: Candidate, signal: AbortSignal): Promise<void> {
  const { engine, wake, log } = parts
  const { wanted, found, instance, credentials } = work
  const others = found.filter((other) => other.id !== next.id)
  for (const other of others.filter(isUp)) await engine.stop(other.id, wanted.stopGrace, signal)
  await adjust(engine, next, wanted, signal)
  await wake({ ...next, instance, credentials }, signal)
  for (const other of others) await engine.remove(other.id, signal)
  if (next.spec.name !== wanted.name) await engine.rename(next.id, wanted.name, signal)
  log.info({ instance: instance.spec.name, uid: instance.uid, container: short(next) }, 'container runs')
}

/** A stopped instance keeps one container, as it was; the next start makes it right. */
async function halt(parts: Parts, work: Work, signal: AbortSignal): Promise<void> {
  const { engine } = parts
  const { wanted, found } = work
  for (const one of found.filter(isUp)) await engine.stop(one.id, wanted.stopGrace, signal)
  const keeper = keeperOf(wanted, found) ?? found[0]
  if (keeper === undefined) {
    await parts.ensureNetwork(signal)
    await make(parts, work, signal)
    return
  }
  for (const other of found.filter(({ id }) => id !== keeper.id)) await engine.remove(other.id, signal)
  if (keeper.spec.name !== wanted.name) await engine.rename(keeper.id, wanted.name, signal)
}

async function make(
  parts: Parts,
  { wanted, found, instance }: Work,
  signal: AbortSignal,
): Promise<Candidate> {
  const { engine, fleet, log } = parts
  const volume = volumeName(instance.uid)
  const carried = await engine.ensureVolume(volume, ownership(fleet, instance.uid), signal)
  if (carried[labels.fleet] !== fleet)
    throw new DriverError('NotOurs', `the volume ${volume} does not carry this fleet's id: it is left alone`)
  const name = passingName(wanted, found)
  const id = await createPulling(parts, { wanted, name, instance }, signal)
  await checkMade(engine, { id, wanted }, signal)
  log.info({ instance: instance.spec.name, uid: instance.uid, container: short({ id }) }, 'container made')
  return candidate(wanted, { id, state: 'created', spec: { ...wanted, name } })
}

/** What cannot become the instance goes before anything was stopped for it. */
async function checkMade(
  engine: Engine,
  { id, wanted }: { readonly id: string; readonly wanted: ContainerSpec },
  signal: AbortSignal,
): Promise<void> {
  const made = await engine.inspect(id, signal)
  try {
    if (made !== undefined) checkImage(wanted, seenSpec(made))
  } catch (error) {
    await engine.remove(id, signal)
    throw error
  }
}

/** Nothing is pulled that the engine has, and nothing at all where the configuration does not say so. */
async function createPulling(
  { engine, pulls }: Parts,
  asked: { readonly wanted: ContainerSpec; readonly name: string; readonly instance: PlacedInstance },
  signal: AbortSignal,
): Promise<string> {
  const { wanted, name, instance } = asked
  try {
    return await engine.create(wanted, name, signal)
  } catch (error) {
    const missing = error instanceof DriverError && error.reason === 'ImageMissing'
    if (!missing || pulls === undefined) throw error
    await pulls.pull(wanted.image, { uid: instance.uid, name: instance.spec.name }, signal)
  }
  return engine.create(wanted, name, signal)
}

/** As the engine's own program shows it. */
function short({ id }: Pick<Candidate, 'id'>): string {
  return id.slice(0, 12)
}

/** What can be changed in a container that is there; its name comes last, when no other has it any more. */
async function adjust(
  engine: Engine,
  { id, spec, differences }: Candidate,
  wanted: ContainerSpec,
  signal: AbortSignal,
): Promise<void> {
  const ways = new Set(differences.map(({ way }) => way))
  if (ways.has('limits')) await engine.setLimits(id, wanted, signal)
  if (!ways.has('networks')) return
  for (const network of wanted.networks) {
    const there = spec.networks.includes(network)
    // Its names in a network are given with the connection.
    const again = there && spec.aliases.some((alias) => alias.startsWith(`${network} `))
    if (again) await engine.disconnect(id, network, signal)
    if (again || !there) await engine.connect(id, network, signal)
  }
  for (const network of spec.networks)
    if (!wanted.networks.includes(network)) await engine.disconnect(id, network, signal)
}

async function remove(
  { engine, fleet, log }: LifecycleParts,
  uid: string,
  signal: AbortSignal,
): Promise<void> {
  const all = await engine.list(ownership(fleet), signal)
  for (const { Id: id } of all.filter((one) => uidOf(one) === uid)) {
    await engine.stop(id, removalGraceSeconds, signal)
    await engine.remove(id, signal)
  }
  const volume = volumeName(uid)
  // What somebody else wrote into a label need not be the name of anything.
  const carried = isVolumeName(volume) ? await engine.volumeLabels(volume, signal) : undefined
  if (carried?.[labels.fleet] === fleet) await engine.removeVolume(volume, signal)
  log.info({ uid }, 'instance removed')
}

const removalGraceSeconds = 12
