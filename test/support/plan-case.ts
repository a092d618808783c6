import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { judge, type Known } from '../../reconciler/control/judge.ts'
import { createDesiredLoader } from '../../reconciler/desired/load-desired.ts'
import { createValidators } from '../../reconciler/desired/validators.ts'
import { localfsEffects } from '../../reconciler/drivers/localfs/effects.ts'
import type { DesiredState } from '../../reconciler/model/desired-state.ts'
import { defined } from '../../reconciler/model/defined.ts'
import { flowNodes } from '../../reconciler/model/flow-nodes.ts'
import { Secret } from '../../reconciler/model/secret.ts'
import type { Fields } from '../../reconciler/model/fields.ts'
import type { Inventory, InventoryEntry } from '../../reconciler/model/inventory.ts'
import type { Observation, ObservedState, Phase } from '../../reconciler/model/observed-state.ts'
import type { Plan } from '../../reconciler/model/plan.ts'
import type { ResolvedInstance } from '../../reconciler/model/resource.ts'
import { resolvedInstance } from './make-instance.ts'
import { snapshotOf } from './memory-files.ts'

/** An entry of `inventory.yaml`; what it leaves out is what a plain instance has. */
interface WrittenEntry {
  readonly uid: string
  readonly name: string
  readonly port?: number
  /** What of the declaration was otherwise; absent for an identity that was allotted and no more. */
  readonly applied?: Partial<ResolvedInstance>
  readonly expected?: Fields
}

interface WrittenInventory {
  readonly entries: readonly WrittenEntry[]
  /** By name of a secret, what was last read. */
  readonly secrets?: Readonly<Record<string, string>>
  /** By name of an instance, the key of its credentials. Without this no key can be known. */
  readonly credentialKeys?: Readonly<Record<string, string>>
  readonly allowDeletions?: string
}

interface WrittenObserved {
  /** By uid: fields that differ from what is expected, `absent`, or `{ unknown: cause }`. */
  readonly seen?: Readonly<Record<string, 'absent' | { readonly unknown: string } | WrittenSighting>>
  readonly unreachable?: Readonly<Record<string, string>>
}

interface WrittenSighting {
  readonly name?: string
  readonly phase?: Phase
  readonly fields?: Fields
  /** A file of the case with the nodes that run, as the store has them; who deployed them, and when. */
  readonly runs?: string
  readonly by?: string
  readonly at?: string
}

const validators = createValidators()

/** Reads the manifests below folders, one revision after the other, as a source would; gives the last. */
export async function desiredIn(folder: string, ...later: readonly string[]): Promise<DesiredState> {
  const loader = createDesiredLoader({ validators, defaultDriver: 'localfs' })
  let desired = await loader.load(snapshotIn(folder), AbortSignal.timeout(60_000))
  for (const next of later) desired = await loader.load(snapshotIn(next), AbortSignal.timeout(60_000))
  return desired
}

function snapshotIn(folder: string): ReturnType<typeof snapshotOf> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((file) => file.isFile())
    .map((file) => join(file.parentPath, file.name))
  const contents = Object.fromEntries(
    files.map((file) => [file.slice(folder.length + 1), readFileSync(file)] as const),
  )
  return snapshotOf(contents, 'c0ffee'.repeat(7).slice(0, 40))
}

/** Plans the case that a folder describes; `before/` has the manifests of the revision before, where that matters. */
export async function planCase(folder: string): Promise<Plan> {
  const [before, now] = [join(folder, 'before'), join(folder, 'desired')]
  const declared = existsSync(before) ? await desiredIn(before, now) : await desiredIn(now)
  const written = readInventory(join(folder, 'inventory.yaml'))
  const inventory = inventoryOf(written)
  const observed = observedOf(readObserved(join(folder, 'observed.yaml')), inventory, folder)
  const fingerprints = new Map(Object.entries(written.secrets ?? {}))
  const allowed = written.allowDeletions
  const { plan } = judge(
    declared,
    { inventory, observed, fingerprints, ...keysOf(written) },
    {
      drivers: new Map([['localfs', { effects: localfsEffects, configured: {} }]]),
      policy: { maxShare: 0.25, ...(allowed === undefined ? {} : { allowed }) },
    },
  )
  return plan
}

function readInventory(file: string): WrittenInventory {
  return parse(readFileSync(file, 'utf8'))
}

function readObserved(file: string): WrittenObserved {
  return parse(readFileSync(file, 'utf8'))
}

function keysOf({ credentialKeys: keys }: WrittenInventory): Partial<Pick<Known, 'credentialKeyOf'>> {
  if (keys === undefined) return {}
  const secrets = new Map(Object.entries(keys).map(([name, key]) => [name, new Secret(key)]))
  return { credentialKeyOf: ({ name }) => secrets.get(name) }
}

function inventoryOf({ entries }: WrittenInventory): Inventory {
  return new Map(entries.map((entry) => [entry.uid, entryOf(entry)]))
}

function entryOf({ uid, name, port = 12_080, applied, expected }: WrittenEntry): InventoryEntry {
  if (applied === undefined) return { uid, name, driver: 'localfs', port }
  return {
    uid,
    name,
    driver: 'localfs',
    port,
    applied: {
      spec: { ...plain(name), ...applied },
      expected: expected ?? expectedOf(applied.state ?? 'running', port),
      revision: 'beef'.repeat(10),
      at: '2026-01-02T03:04:05.000Z',
    },
  }
}

/** What the manifests of the cases declare for an instance that says nothing special. */
function plain(name: string): ResolvedInstance {
  return resolvedInstance(name, {
    env: { SITE: { value: 'berlin' } },
    endpoints: { access: 'public' },
    access: { alice: { role: 'owner' }, bob: { role: 'viewer' } },
  })
}

function expectedOf(state: 'running' | 'stopped', port: number): Fields {
  if (state === 'stopped') return { state, directory: 'intact' }
  return {
    state,
    directory: 'intact',
    launchers: 1,
    port,
    'stack.nodeRed': '5.0.7',
    settings: '5e771465'.repeat(8),
    'settings.js': 'intact',
  }
}

function observedOf(
  { seen = {}, unreachable = {} }: WrittenObserved,
  inventory: Inventory,
  folder: string,
): ObservedState {
  const observations = new Map<string, Observation>()
  if (Object.keys(unreachable).length === 0)
    for (const entry of inventory.values()) observations.set(entry.uid, asApplied(entry))
  for (const [uid, written] of Object.entries(seen)) {
    const before = observations.get(uid)
    const sighting = observation(uid, written, before?.kind === 'present' ? before : undefined)
    observations.set(uid, withEdit(sighting, written, folder))
  }
  return { observations, unreachable: new Map(Object.entries(unreachable)) }
}

function asApplied({ uid, name, applied }: InventoryEntry): Observation {
  if (applied === undefined) return { kind: 'absent', uid }
  return { kind: 'present', uid, name, fields: applied.expected, phase: applied.spec.state }
}

function withEdit(
  sighting: Observation,
  written: 'absent' | { readonly unknown: string } | WrittenSighting,
  folder: string,
): Observation {
  if (sighting.kind !== 'present' || written === 'absent' || 'unknown' in written) return sighting
  const { runs, by, at } = written
  if (runs === undefined) return sighting
  const nodes: readonly unknown[] = JSON.parse(readFileSync(join(folder, runs), 'utf8'))
  return { ...sighting, edit: defined({ nodes: flowNodes(nodes), by, at }) }
}

function observation(
  uid: string,
  written: 'absent' | { readonly unknown: string } | WrittenSighting,
  before: Extract<Observation, { kind: 'present' }> | undefined,
): Observation {
  if (written === 'absent') return { kind: 'absent', uid }
  if ('unknown' in written) return { kind: 'unknown', uid, cause: written.unknown }
  return {
    kind: 'present',
    uid,
    name: written.name ?? before?.name ?? uid,
    phase: written.phase ?? 'running',
    fields: { ...before?.fields, ...written.fields },
  }
}
