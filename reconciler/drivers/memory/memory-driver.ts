import { on } from 'node:events'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Fields } from '../../model/fields.ts'
import type { Sighting } from '../../model/observed-state.ts'
import type { PlacedInstance } from '../../model/placed-instance.ts'
import type { EffectRule } from '../../model/plan.ts'
import type { DriverName } from '../../model/resource.ts'
import { DriverError, type Driver, type DriverEvent, type LogLine } from '../driver.ts'
import type { MemoryObject, MemoryWorld } from './memory-world.ts'

const memoryEffects: readonly EffectRule[] = [
  { path: '', kind: 'restart' },
  { path: 'team', kind: 'update' },
  { path: 'access', kind: 'update' },
  { path: 'hostnames', kind: 'restart' },
  { path: 'stack', kind: 'replace' },
  { path: 'port', kind: 'replace' },
]

export interface MemoryOptions {
  readonly fleet: string
  readonly world: MemoryWorld
  /** The driver it stands for. */
  readonly name?: DriverName
}

/** An honest driver whose engine is memory: for laws, scenarios and fleets larger than a machine can run. */
export function createMemoryDriver({ fleet, world, name = 'localfs' }: MemoryOptions): Driver {
  const closing = new AbortController()

  /** Every call crosses a turn of the event loop, as one to an engine would, and may be aborted there. */
  async function cross(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    await nextTurn(undefined, { signal: AbortSignal.any([signal, closing.signal]) })
  }

  async function ensure(instance: PlacedInstance, signal: AbortSignal): Promise<void> {
    await cross(signal)
    const found = world.objects.get(instance.uid)
    if (found !== undefined && found.fleet !== fleet)
      throw new DriverError('NotOurs', `${instance.uid} belongs to another fleet: it is left alone`)
    world.objects.set(instance.uid, made(instance, found))
  }

  return {
    name,
    effects: memoryEffects,
    configured: {},
    expected: memoryFields,
    async observe(signal) {
      await cross(signal)
      return [...world.objects.values()].filter((object) => object.fleet === fleet).map(see)
    },
    create: (instance, _credentials, signal) => ensure(instance, signal),
    update: (_before, instance, _credentials, signal) => ensure(instance, signal),
    async withdraw(_uid, signal) {
      await cross(signal)
      return false
    },
    async remove(uid, signal) {
      await cross(signal)
      if (world.objects.get(uid)?.fleet === fleet) world.objects.delete(uid)
    },
    async *logs(uid, _options, signal) {
      await cross(signal)
      const object = world.objects.get(uid)
      if (object?.fleet === fleet) yield startLine(object)
    },
    events: (signal) => changes(world, AbortSignal.any([signal, closing.signal])),
    async [Symbol.asyncDispose]() {
      closing.abort()
    },
  }
}

function made(instance: PlacedInstance, found: MemoryObject | undefined): MemoryObject {
  return {
    fleet: instance.fleet,
    uid: instance.uid,
    name: instance.spec.name,
    fields: memoryFields(instance),
    alive: instance.spec.state === 'running',
    hung: false,
    data: found?.data ?? new Map<string, string>(),
  }
}

function memoryFields({ spec, port, settings }: PlacedInstance): Fields {
  if (spec.state === 'stopped') return { state: 'stopped' }
  return {
    state: 'running',
    ...(port === undefined ? {} : { port }),
    'stack.nodeRed': spec.stack.nodeRed,
    'stack.node': spec.stack.node,
    settings,
    ...(spec.flows === undefined ? {} : { flows: spec.flows.digest }),
    ...Object.fromEntries(
      Object.entries(spec.modules).map(([module, version]) => [`modules.${module}`, version]),
    ),
  }
}

function see({ uid, name, hung, alive, fields }: MemoryObject): Sighting {
  if (hung) return { kind: 'unknown', uid, cause: 'it does not answer' }
  if (!alive) return { kind: 'present', uid, name, fields: { state: 'stopped' }, phase: 'stopped' }
  return { kind: 'present', uid, name, fields, phase: 'running' }
}

function startLine({ name }: MemoryObject): LogLine {
  return { at: '1970-01-01T00:00:00.000Z', source: 'launcher', text: `${name} started` }
}

async function* changes(world: MemoryWorld, signal: AbortSignal): AsyncGenerator<DriverEvent> {
  try {
    for await (const [uid] of on(world.events, 'changed', { signal })) yield { uid: String(uid) }
  } catch (error) {
    if (!signal.aborted) throw error
  }
}
