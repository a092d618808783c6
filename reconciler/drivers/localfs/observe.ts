import pLimit from 'p-limit'
import { existsSync } from 'node:fs'
import type { LauncherBootstrap, LauncherState } from '../../../launcher/wire.ts'
import { defined } from '../../model/defined.ts'
import type { Fields } from '../../model/fields.ts'
import type { Clock } from '../../telemetry/clock.ts'
import type { Phase, Sighting } from '../../model/observed-state.ts'
import { DriverError } from '../driver.ts'
import type { AdminAnswer, LauncherAddress } from '../launcher/admin-client.ts'
import { askPatiently } from '../launcher/ask-patiently.ts'
import type { DirectoryContent, InstanceDirectories } from './directories.ts'
import { observedFields } from './fields.ts'
import type { LauncherWatch } from './launcher-watch.ts'
import { uidOf, type LauncherProcess, type ProcessTable } from './processes.ts'
import { entryPoint } from './stacks.ts'

const answerWithinMs = 2_000
/** For one that did not answer last time: what hangs is not to delay every look at all the others. */
const answerAgainWithinMs = 200
const atOnce = 32

interface Parts {
  readonly fleet: string
  readonly directories: Pick<InstanceDirectories, 'root' | 'list' | 'read'>
  readonly table: ProcessTable
  readonly watch: Pick<LauncherWatch, 'add'>
  readonly clock: Clock
  /** Launchers, by pid, that did not answer when last asked. */
  readonly mute: Set<number>
}

/** Sees every instance of a fleet: one listing of processes, one of directories, one question to each live launcher. */
export async function observeInstances(parts: Parts, signal: AbortSignal): Promise<readonly Sighting[]> {
  const [uids, processes] = await list(parts)
  signal.throwIfAborted()
  const launchers = Map.groupBy(processes, uidOf)
  const limit = pLimit(atOnce)
  const sightings = await Promise.all(
    [...new Set([...uids, ...launchers.keys()])].map((uid) =>
      limit(() => observeOne(parts, { uid, launchers: launchers.get(uid) ?? [] }, signal)),
    ),
  )
  return sightings.filter((sighting) => sighting !== undefined)
}

async function list({ directories, table }: Parts) {
  try {
    return await Promise.all([directories.list(), table.launchers(directories.root)])
  } catch (error) {
    throw new DriverError('DataUnreadable', 'the instances cannot be listed', { cause: error })
  }
}

interface Candidate {
  readonly uid: string
  readonly launchers: readonly LauncherProcess[]
}

async function observeOne(
  parts: Parts,
  { uid, launchers }: Candidate,
  signal: AbortSignal,
): Promise<Sighting | undefined> {
  signal.throwIfAborted()
  let content: DirectoryContent
  try {
    content = await parts.directories.read(uid)
  } catch (error) {
    return { kind: 'unknown', uid, cause: `its directory cannot be read: ${String(error)}` }
  }
  const ours = launchers.filter(({ fleet }) => fleet === parts.fleet)
  if (!isOfFleet(parts.fleet, content, ours) || isCopy(uid, content, ours)) return undefined
  // Someone who only looks like a launcher has to prove it by the admin API.
  const asked = launchers.filter(({ fleet }) => fleet === undefined || fleet === parts.fleet)
  const name = nameIn(content) ?? uid
  if (asked.length === 0) return stopped({ uid, name }, content)
  for (const { pid } of ours) parts.watch.add(uid, pid)
  return seeAlive({ ...parts, uid, name, content, ours }, signal)
}

/** Whose a directory is: its own word first, then that of the process that lives in it. */
function isOfFleet(
  fleet: string,
  { record, bootstrap }: DirectoryContent,
  ours: readonly LauncherProcess[],
): boolean {
  if (record.kind === 'read') return record.value.fleet === fleet
  if (bootstrap.kind === 'read') return bootstrap.value.fleet === fleet
  return ours.length > 0
}

/** A folder that somebody copied from an instance is not one. */
function isCopy(uid: string, { record }: DirectoryContent, ours: readonly LauncherProcess[]): boolean {
  return ours.length === 0 && record.kind === 'read' && record.value.uid !== uid
}

function nameIn({ record, bootstrap }: DirectoryContent): string | undefined {
  if (record.kind === 'read') return record.value.name
  return bootstrap.kind === 'read' ? bootstrap.value.name : undefined
}

interface Named {
  readonly uid: string
  readonly name: string
}

function stopped(named: Named, { record }: DirectoryContent): Sighting {
  const directory = record.kind === 'read' ? 'intact' : 'damaged'
  return present(named, { state: 'stopped', directory }, { phase: 'stopped' })
}

function present(
  { uid, name }: Named,
  fields: Fields,
  condition: {
    readonly phase: Phase
    readonly message?: string | undefined
    readonly installing?: true | undefined
    readonly lastLines?: readonly string[] | undefined
  },
): Sighting {
  return { kind: 'present', uid, name, fields, ...defined(condition) }
}

interface Alive extends Named {
  readonly fleet: string
  readonly table: ProcessTable
  readonly clock: Clock
  readonly mute: Set<number>
  readonly content: DirectoryContent
  /** Live processes that are launchers of this fleet, proven by their first argument. */
  readonly ours: readonly LauncherProcess[]
}

async function seeAlive(alive: Alive, signal: AbortSignal): Promise<Sighting> {
  const { uid, content, ours } = alive
  const { bootstrap } = content
  if (bootstrap.kind !== 'read') return locked(alive, `launcher.json is ${bootstrap.kind}`)
  const answer = await askAlive(alive, bootstrap.value, signal)
  switch (answer.kind) {
    case 'answered':
      return answer.state.uid === uid && answer.state.fleet === alive.fleet
        ? answered(alive, answer.state, bootstrap.value)
        : mute(alive, 'the launcher of another instance answers at its admin port')
    case 'denied':
      return ours.length > 0
        ? locked(alive, 'its launcher does not know the token in launcher.json')
        : stopped(alive, content)
    case 'refused':
      return mute(alive, 'nobody listens at its admin port')
    case 'silent':
      return mute(alive, answer.cause)
    default:
      return answer
  }
}

/** As long as its process lives it is given the time. */
async function askAlive(alive: Alive, address: LauncherAddress, signal: AbortSignal): Promise<AdminAnswer> {
  const { clock, mute, ours } = alive
  const withinMs = ours.some(({ pid }) => mute.has(pid)) ? answerAgainWithinMs : answerWithinMs
  const answer = await askPatiently(address, { clock, withinMs, lives: async () => lives(alive) }, signal)
  noteMute(alive, answer.kind === 'silent')
  return answer
}

function noteMute({ ours, mute }: Alive, silent: boolean): void {
  for (const { pid } of ours)
    if (silent) mute.add(pid)
    else mute.delete(pid)
}

async function lives({ ours, table }: Alive): Promise<boolean> {
  return (await Promise.all(ours.map((launcher) => table.isStill(launcher)))).includes(true)
}

/** Alive, but launcher.json does not open its admin API: it has to be replaced. */
function locked(alive: Alive, why: string): Sighting {
  const state = alive.ours.length > 0 ? 'running' : 'stopped'
  const phase = alive.ours.length > 0 ? 'unknown' : 'stopped'
  return present(alive, { state, directory: 'damaged' }, { phase, message: why })
}

function answered(alive: Alive, state: LauncherState, { stack }: LauncherBootstrap): Sighting {
  const { record } = alive.content
  const declares = record.kind === 'read' ? record.value.declares : { flows: false, modules: [] }
  const fields = observedFields(state, {
    declares,
    launchers: Math.max(1, alive.ours.length),
    stackFiles: existsSync(entryPoint(stack)) ? 'intact' : 'missing',
  })
  const damage = record.kind === 'read' ? {} : { directory: 'damaged' }
  const { phase, message, lastLines } = state
  const installing = state.installing === true ? true : undefined
  return present(alive, { ...fields, ...damage }, { phase, message, installing, lastLines })
}

/** It did not answer. Whether it ended meanwhile, or lives and hangs, is told by the process. */
async function mute(alive: Alive, cause: string): Promise<Sighting> {
  if (!(await lives(alive))) return stopped(alive, alive.content)
  const pids = alive.ours.map(({ pid }) => pid).join(' and ')
  return { kind: 'unknown', uid: alive.uid, cause: `its launcher (pid ${pids}) lives, but ${cause}` }
}
