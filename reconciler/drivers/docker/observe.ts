import pLimit from 'p-limit'
import type { LauncherState } from '../../../launcher/wire.ts'
import { defined } from '../../model/defined.ts'
import type { Fields } from '../../model/fields.ts'
import { adminPortOffset } from '../../model/launcher-ports.ts'
import type { Phase, Sighting } from '../../model/observed-state.ts'
import type { PlacedInstance } from '../../model/placed-instance.ts'
import type { Secret } from '../../model/secret.ts'
import type { Clock } from '../../telemetry/clock.ts'
import type { LauncherAddress } from '../launcher/admin-client.ts'
import { askPatiently } from '../launcher/ask-patiently.ts'
import { expectedFacts, observedFacts } from '../launcher/facts.ts'
import { containerFacts } from './compare.ts'
import { containerSpec, instanceIn, labels, type ContainerPolicy } from './container-spec.ts'
import { ownership, uidOf, type Engine } from './engine.ts'
import type { Inspected, Listed } from './engine-schema.ts'
import { nodeRedPort } from './image-contract.ts'
import type { Inspections } from './inspections.ts'
import { seenSpec } from './seen-spec.ts'

const answerWithinMs = 2_000
/** For one that did not answer last time: what hangs is not to delay every look at all the others. */
const answerAgainWithinMs = 200
const atOnce = 32

export interface ObserveParts {
  readonly fleet: string
  readonly policy: ContainerPolicy
  readonly engine: Pick<Engine, 'list' | 'inspect'>
  readonly inspections: Inspections
  /** Containers of this fleet by id, for those who are told of a container and not whose it is. */
  readonly uids: Map<string, string>
  readonly adminTokenOf: (uid: string) => Secret
  readonly clock: Clock
  /** Containers whose launcher did not answer when last asked. */
  readonly mute: Set<string>
}

/** What `observe` shows of an instance when all is well. Pure. */
export function expectedFields(instance: PlacedInstance, policy: ContainerPolicy): Fields {
  // The port in the declaration is one of a machine; containers have ports of their own.
  const { port: _, ...placed } = instance
  const facts = { ...expectedFacts(placed), containers: 1 }
  if (instance.spec.state === 'stopped') return facts
  return { ...facts, launchers: 1, ...containerFacts(containerSpec(instance, policy)) }
}

/** Sees every instance of a fleet: one list, an inspection of what may have changed, one question to each live launcher. */
export async function observeContainers(
  parts: ObserveParts,
  signal: AbortSignal,
): Promise<readonly Sighting[]> {
  const before = [...parts.uids.keys()]
  const all = await parts.engine.list(ownership(parts.fleet), signal)
  const there = new Map(all.map((one) => [one.Id, uidOf(one)]))
  for (const id of before) if (!there.has(id)) parts.uids.delete(id)
  for (const [id, uid] of there) parts.uids.set(id, uid)
  const inspected = await parts.inspections.of(
    all.map(({ Id }) => Id),
    signal,
  )
  for (const id of parts.mute) if (!inspected.has(id)) parts.mute.delete(id)
  const limit = pLimit(atOnce)
  const groups = Map.groupBy(
    all.filter(({ Id }) => inspected.has(Id)),
    uidOf,
  )
  const sightings = await Promise.all(
    [...groups].map(async ([uid, containers]) =>
      limit(async () => observeOne(parts, { uid, containers, inspected }, signal)),
    ),
  )
  return sightings.filter((sighting) => sighting !== undefined)
}

/** What waits for its image is being seen to, be there a container or not. Pure. */
export function withPulling(
  sightings: readonly Sighting[],
  pulling: ReadonlyMap<string, { readonly name: string; readonly message: string }>,
): readonly Sighting[] {
  const seen = new Set(sightings.map(({ uid }) => uid))
  const waiting = [...pulling].filter(([uid]) => !seen.has(uid))
  const installing = true as const
  return [
    ...sightings.map((sighting) => {
      const message = pulling.get(sighting.uid)?.message
      return sighting.kind === 'unknown' || message === undefined
        ? sighting
        : { ...sighting, installing, message }
    }),
    ...waiting.map(([uid, { name, message }]) => ({
      ...showing({ uid, name })({ state: 'running' }, 'installing', message),
      installing,
    })),
  ]
}

interface Group {
  readonly uid: string
  /** At least one. */
  readonly containers: readonly Listed[]
  readonly inspected: ReadonlyMap<string, Inspected>
}

/** Undefined: it went while it was looked at. */
async function observeOne(
  parts: ObserveParts,
  group: Group,
  signal: AbortSignal,
): Promise<Sighting | undefined> {
  const { uid, containers, inspected } = group
  const main = mainOf(containers)
  const seen = inspected.get(main?.Id ?? '')
  if (main === undefined || seen === undefined) return undefined
  const name = main.Names[0]?.slice(1) ?? ''
  const networks = Object.keys(main.NetworkSettings.Networks).toSorted()
  const facts = {
    ...containerFacts({ ...seenSpec(seen), name, networks }),
    containers: containers.length,
  }
  const show = showing({ uid, name: instanceIn(name, uid) ?? main.Labels[labels.name] ?? uid })
  return main.State === 'running'
    ? seeRunning(parts, { uid, main, show, facts }, signal)
    : seeStill(main, show, facts)
}

/** What runs comes before what does not. */
function mainOf(containers: readonly Listed[]): Listed | undefined {
  const rank = ({ State }: Listed) => (['running', 'paused', 'restarting'].indexOf(State) + 4) % 4
  return containers.toSorted((a, b) => rank(a) - rank(b) || (a.Id < b.Id ? -1 : 1))[0]
}

type Facts = Fields & { readonly containers: number }
type Present = Extract<Sighting, { readonly kind: 'present' }>
type Show = (fields: Fields, phase: Phase, message?: string, lastLines?: readonly string[]) => Present

function showing(named: { readonly uid: string; readonly name: string }): Show {
  return (fields, phase, message, lastLines) => ({
    kind: 'present',
    ...named,
    fields,
    phase,
    ...defined({ message, lastLines }),
  })
}

/** A container that does not run now. */
function seeStill({ State, Status }: Pick<Listed, 'State' | 'Status'>, show: Show, facts: Facts): Sighting {
  if (State === 'paused') return show({ ...facts, state: 'paused' }, 'unknown', 'its container is paused')
  if (State === 'restarting')
    return show(
      { ...facts, state: 'running', launchers: 0 },
      'crashed',
      `its container ends again and again: ${Status}`,
    )
  const why = State === 'exited' ? `its container has ended: ${Status}` : undefined
  return show({ containers: facts.containers, state: 'stopped' }, 'stopped', why)
}

interface Running {
  readonly uid: string
  readonly main: Listed
  readonly show: Show
  /** Of the container. */
  readonly facts: Facts
}

async function seeRunning(
  parts: ObserveParts,
  running: Running,
  signal: AbortSignal,
): Promise<Sighting | undefined> {
  const { uid, main, show, facts } = running
  const { mute, clock, policy } = parts
  const host = main.NetworkSettings.Networks[policy.network]?.IPAddress ?? ''
  if (host === '')
    return show({ ...facts, state: 'running' }, 'unknown', `it is not in the network ${policy.network}`)
  const withinMs = mute.has(main.Id) ? answerAgainWithinMs : answerWithinMs
  const address = adminAddress(host, parts.adminTokenOf(uid))
  const answer = await askPatiently(address, { clock, withinMs, lives: async () => true }, signal)
  if (answer.kind === 'answered') mute.delete(main.Id)
  else mute.add(main.Id)
  if (answer.kind === 'answered') return answered(parts.fleet, running, answer.state)
  if (answer.kind === 'silent') return seeSilent(parts, running, answer.cause, signal)
  const unled = { ...facts, state: 'running', launchers: 0 }
  return answer.kind === 'refused'
    ? show(unled, 'starting', 'its launcher waits to be told what it is')
    : show(unled, 'unknown', 'its launcher does not know the token')
}

/** It did not answer. Whether it ended meanwhile, or lives and hangs, is told by the engine. */
async function seeSilent(
  { engine }: ObserveParts,
  { uid, main, show, facts }: Running,
  cause: string,
  signal: AbortSignal,
): Promise<Sighting | undefined> {
  const now = await engine.inspect(main.Id, signal)
  if (now === undefined) return undefined
  const { Status: State, ExitCode } = now.State
  return State === 'running'
    ? { kind: 'unknown', uid, cause: `its container runs, but ${cause}` }
    : seeStill({ State, Status: `exit code ${ExitCode}` }, show, facts)
}

function answered(fleet: string, { uid, show, facts }: Running, state: LauncherState): Sighting {
  if (state.uid !== uid || state.fleet !== fleet)
    return { kind: 'unknown', uid, cause: 'the launcher of another instance answers at its address' }
  const { phase, message, lastLines, declares } = state
  // The port is that of every container: two that are adopted would each be said to have it.
  const { port: _, ...told } = observedFacts(state, declares ?? { flows: false, modules: [] })
  // What a launcher says of its stack is what it was told; the facts of its container have that from the image.
  const fields =
    phase === 'stopped' ? { ...told, containers: facts.containers } : { ...told, ...facts, launchers: 1 }
  return show(fields, phase, message, lastLines)
}

export function adminAddress(adminHost: string, adminToken: Secret): LauncherAddress {
  return { adminHost, adminPort: nodeRedPort + adminPortOffset, adminToken: adminToken.reveal() }
}
