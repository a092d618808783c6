import { isDeepStrictEqual } from 'node:util'
import type { Logger } from 'pino'
import type { LauncherBootstrap } from '../../../launcher/wire.ts'
import type { Credentials, PlacedInstance } from '../../model/placed-instance.ts'
import type { Clock } from '../../telemetry/clock.ts'
import { DriverError } from '../driver.ts'
import { askState } from '../launcher/admin-client.ts'
import { bringUpToDate } from '../launcher/bring-up-to-date.ts'
import type { DirectoryContent, InstanceDirectories, InstanceRecord } from './directories.ts'
import { declaresOf } from '../launcher/facts.ts'
import type { Launchers } from './launchers.ts'
import type { LauncherProcess, ProcessTable } from './processes.ts'
import type { Stacks } from './stacks.ts'
import { createTurns } from '../turns.ts'
import { adminPortOffset } from '../../model/launcher-ports.ts'

const answerWithinMs = 2_000

export interface LifecycleParts {
  readonly fleet: string
  /** The folder of installed modules that launchers share. */
  readonly modules: string
  /** The address that editors and admin APIs listen on. */
  readonly host: string
  /** What a launcher is started with: another program or other flags replace it. */
  readonly launcherArguments: readonly string[]
  readonly directories: InstanceDirectories
  readonly stacks: Stacks
  readonly launchers: Launchers
  readonly table: ProcessTable
  readonly clock: Clock
  readonly log: Pick<Logger, 'info' | 'warn'>
}

/** Changes of single instances, one at a time for each. Every one may be repeated. */
export interface InstanceLifecycle {
  /** Makes what is there into what is asked for, from whatever state. */
  ensure(instance: PlacedInstance, credentials: Credentials, signal: AbortSignal): Promise<void>
  remove(uid: string, signal: AbortSignal): Promise<void>
  /** Settles when no change is under way. */
  settled(): Promise<void>
}

/** What there is of an instance before it is changed. */
interface Found {
  readonly directory: string
  readonly content: DirectoryContent
  readonly living: readonly LauncherProcess[]
  /** Directory or process say that they are another fleet's. */
  readonly foreign: boolean
}

export function createInstanceLifecycle(parts: LifecycleParts): InstanceLifecycle {
  const turns = createTurns()
  const prepare = once(() => prepareData(parts))

  async function change(
    uid: string,
    work: (found: Found) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    try {
      await prepare()
      await turns.take(uid, async () => work(await find(parts, uid)), signal)
    } catch (error) {
      signal.throwIfAborted()
      throw asDriverError(error)
    }
  }

  return {
    settled: () => turns.settled(),
    async ensure(instance, credentials, signal) {
      const work = async (found: Found) => {
        refuseForeign(found)
        if (instance.spec.state === 'stopped') return stop(parts, found, instance, signal)
        return run(
          parts,
          found,
          { instance, wanted: await bootstrapOf(parts, instance, credentials, signal) },
          signal,
        )
      }
      await change(instance.uid, work, signal)
    },
    async remove(uid, signal) {
      const work = async (found: Found) => {
        if (found.foreign) return
        await halt(parts, found, signal)
        await parts.directories.discard(uid)
        parts.log.info({ uid }, 'instance removed')
      }
      await change(uid, work, signal)
    },
  }
}

/** A full disk, a process that may not be signalled: what the machine refuses today it may grant tomorrow. */
function asDriverError(error: unknown): DriverError {
  if (error instanceof DriverError) return error
  const message = error instanceof Error ? error.message : String(error)
  return new DriverError('MachineRefused', message, { cause: error })
}

/** What killed predecessors left is cleared before the first change, never by looking. */
async function prepareData({ directories, stacks }: LifecycleParts): Promise<void> {
  await Promise.all([stacks.clean(), directories.prepare()])
}

/** Shares one success among all calls; a failure is tried again by the next. */
function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined
  return async () => {
    done ??= work()
    try {
      await done
    } catch (error) {
      done = undefined
      throw error
    }
  }
}

async function find({ fleet, directories, table }: LifecycleParts, uid: string): Promise<Found> {
  const directory = directories.path(uid)
  const [content, all] = await Promise.all([directories.read(uid), table.launchers(directories.root)])
  const there = all.filter((launcher) => launcher.directory === directory)
  return {
    content,
    directory,
    living: there.filter((launcher) => launcher.fleet === fleet),
    foreign: isForeign({ fleet, uid }, content, there),
  }
}

function isForeign(
  { fleet, uid }: { readonly fleet: string; readonly uid: string },
  { record, bootstrap }: DirectoryContent,
  there: readonly LauncherProcess[],
): boolean {
  if (there.some((launcher) => launcher.fleet !== undefined && launcher.fleet !== fleet)) return true
  if (record.kind === 'read') return record.value.fleet !== fleet || record.value.uid !== uid
  return bootstrap.kind === 'read' && bootstrap.value.fleet !== fleet
}

function refuseForeign({ foreign, directory }: Found): void {
  if (foreign)
    throw new DriverError(
      'NotOurs',
      `${directory} belongs to another fleet, or is a copy of another instance: it is left alone`,
    )
}

function recordOf(
  { fleet, launcherArguments }: LifecycleParts,
  { uid, spec }: PlacedInstance,
): InstanceRecord {
  return { fleet, uid, name: spec.name, declares: declaresOf(spec), launcher: launcherArguments }
}

async function bootstrapOf(
  { fleet, host, stacks, modules }: LifecycleParts,
  { uid, spec, port }: PlacedInstance,
  credentials: Credentials,
  signal: AbortSignal,
): Promise<LauncherBootstrap> {
  if (port === undefined) throw new DriverError('NoPort', `${spec.name} was given no port`)
  const stack = await stacks.ensure(spec.stack, signal)
  return {
    uid,
    name: spec.name,
    fleet,
    runtimeUrl: credentials.runtimeUrl,
    runtimeToken: credentials.runtimeToken.reveal(),
    adminToken: credentials.adminToken.reveal(),
    adminHost: host,
    adminPort: port + adminPortOffset,
    stack: stack.folder,
    node: stack.node,
    versions: stack.versions,
    modules,
  }
}

/** A stopped instance has no process; its stack is not needed before it runs. */
async function stop(
  parts: LifecycleParts,
  found: Found,
  instance: PlacedInstance,
  signal: AbortSignal,
): Promise<void> {
  await halt(parts, found, signal)
  await parts.directories.write(recordOf(parts, instance), undefined)
}

/** A launcher that was started with what is wanted only looks again; any other is replaced. */
async function run(
  parts: LifecycleParts,
  found: Found,
  { instance, wanted }: { readonly instance: PlacedInstance; readonly wanted: LauncherBootstrap },
  signal: AbortSignal,
): Promise<void> {
  const { directories, launchers, clock, log } = parts
  const record = recordOf(parts, instance)
  if (found.living.length === 1 && isUnchanged(found.content, record, wanted)) {
    await directories.write(record, wanted)
    if (await takeUp(wanted, clock, signal)) return
  }
  await end(parts, found, signal)
  await directories.write(record, wanted)
  await launchers.awaitFree(wanted.adminHost, portsOf(wanted), signal)
  await launchers.start(found.directory, wanted, signal)
  log.info({ instance: instance.spec.name, uid: instance.uid, port: instance.port }, 'launcher started')
}

/** Whether a launcher that lives was started with what is wanted. A new name alone is no reason to end it. */
function isUnchanged(
  { record, bootstrap }: DirectoryContent,
  wanted: InstanceRecord,
  from: LauncherBootstrap,
) {
  if (record.kind !== 'read' || bootstrap.kind !== 'read') return false
  return (
    isDeepStrictEqual(record.value.launcher, wanted.launcher) &&
    isDeepStrictEqual({ ...bootstrap.value, name: '' }, { ...from, name: '' })
  )
}

async function takeUp(bootstrap: LauncherBootstrap, clock: Clock, signal: AbortSignal): Promise<boolean> {
  const answer = await askState(bootstrap, answerWithinMs, signal)
  if (answer.kind !== 'answered' || answer.state.uid !== bootstrap.uid) return false
  return bringUpToDate(bootstrap, answer.state, { clock, signal })
}

function end({ launchers }: LifecycleParts, { living, content }: Found, signal: AbortSignal): Promise<void> {
  return launchers.stop(
    living,
    content.bootstrap.kind === 'read' ? content.bootstrap.value : undefined,
    signal,
  )
}

/** Ends what lives for an instance, and gives its Node-RED the time to let go of its port. */
async function halt(parts: LifecycleParts, found: Found, signal: AbortSignal): Promise<void> {
  await end(parts, found, signal)
  const { bootstrap } = found.content
  if (bootstrap.kind !== 'read') return
  try {
    await parts.launchers.awaitFree(bootstrap.value.adminHost, portsOf(bootstrap.value), signal)
  } catch (error) {
    // The port may be somebody else's by now: that does not keep an instance from being stopped or removed.
    if (!(error instanceof DriverError)) throw error
    parts.log.warn({ uid: bootstrap.value.uid, err: error }, 'port still held')
  }
}

function portsOf({ adminPort }: LauncherBootstrap): readonly number[] {
  return [adminPort, adminPort - adminPortOffset]
}
