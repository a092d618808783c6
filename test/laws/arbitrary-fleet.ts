import * as fc from 'fast-check'
import { nothingUnread, type DesiredState } from '../../reconciler/model/desired-state.ts'
import { digestOf } from '../../reconciler/model/digest.ts'
import type { Fields } from '../../reconciler/model/fields.ts'
import type { Inventory, InventoryEntry } from '../../reconciler/model/inventory.ts'
import type { Observation, ObservedState } from '../../reconciler/model/observed-state.ts'
import type { EnvValue, ResolvedInstance } from '../../reconciler/model/resource.ts'
import type { PlanInput } from '../../reconciler/plan/plan-input.ts'
import { localfsEffects } from '../../reconciler/drivers/localfs/effects.ts'
import { resolvedInstance } from '../support/make-instance.ts'

/** Appears in every fingerprint and password digest, and so in no plan. */
export const canary = 'c4na27'

/** Few names, so that they meet; some of them are those of `Object.prototype`. */
const names = ['press-1', 'press-2', 'press-3', 'constructor', 'tostring', 'valueof', 'a']
const users = ['alice', 'bob', 'constructor', 'toString', 'hasOwnProperty']

const envValue: fc.Arbitrary<EnvValue> = fc.oneof(
  fc.record({ value: fc.oneof(fc.constantFrom('', 'a', 'b'), fc.string()) }),
  fc.record({
    secret: fc.constantFrom('s1', 's2'),
    fingerprint: fc.nat(2).map((n) => `${canary}${n}`),
  }),
)
const access = fc.dictionary(
  fc.constantFrom(...users),
  fc.record({
    role: fc.constantFrom('owner' as const, 'member' as const, 'viewer' as const, 'dashboard' as const),
    password: fc.nat(2).map((n) => `${canary}${n}`),
  }),
  { noNullPrototype: true },
)

export const anyInstance = (name: string): fc.Arbitrary<ResolvedInstance> =>
  fc
    .record({
      state: fc.constantFrom('running' as const, 'stopped' as const),
      stack: fc.record({ nodeRed: fc.constantFrom('5.0.6', '5.0.7'), node: fc.constant(24) }),
      env: fc.dictionary(fc.constantFrom('SITE', 'constructor', 'toString', 'A'), envValue, {
        noNullPrototype: true,
      }),
      modules: fc.dictionary(fc.constantFrom('x', 'constructor'), fc.constantFrom('1.0.0', '1.0.1'), {
        noNullPrototype: true,
      }),
      access,
    })
    .map((more) => resolvedInstance(name, more))

/** What a driver would see of it when all is well. */
export function expectedOf(spec: ResolvedInstance): Fields {
  return { state: spec.state, settings: digestOf({ ...spec, access: {} }) }
}

const anyEntry = (name: string): fc.Arbitrary<InventoryEntry> =>
  fc
    .record({ spec: anyInstance(name), port: fc.integer({ min: 12_080, max: 12_085 }), begun: fc.nat(5) })
    .map(({ spec, port, begun }) => ({
      uid: `uid-${name}`,
      name,
      driver: 'localfs',
      port,
      ...(begun === 0
        ? {}
        : {
            applied: { spec, expected: expectedOf(spec), revision: 'r0', at: '2026-01-02T03:04:05.000Z' },
          }),
    }))

type Sight = 'as applied' | 'drifted' | 'absent' | 'unknown' | 'not seen'
const anySight: fc.Arbitrary<Sight> = fc.constantFrom(
  'as applied',
  'as applied',
  'drifted',
  'absent',
  'unknown',
  'not seen',
)

function sighted({ uid, name, applied }: InventoryEntry, sight: Sight): readonly Observation[] {
  if (sight === 'not seen') return []
  if (sight === 'unknown') return [{ kind: 'unknown', uid, cause: 'it does not answer' }]
  if (sight === 'absent') return [{ kind: 'absent', uid }]
  const fields = { ...applied?.expected, ...(sight === 'drifted' ? { settings: 'other' } : {}) }
  return [{ kind: 'present', uid, name, fields, phase: 'running' }]
}

const subset = fc.subarray(names)

const anyDesired: fc.Arbitrary<DesiredState> = fc
  .record({ declared: subset, held: subset, renamed: subset, complete: fc.boolean() })
  .chain(({ declared, held, renamed, complete }) =>
    fc
      .tuple(...declared.filter((name) => !held.includes(name)).map(anyInstance))
      .map((instances): DesiredState => ({
        revision: { id: 'r1', kind: 'commit' },
        teams: new Map(),
        users: new Map(),
        instances: new Map(instances.map((instance) => [instance.name, instance])),
        invalidUsers: new Set(),
        invalidTeams: new Set(),
        unread: nothingUnread,
        renames: new Map(
          declared.flatMap((name, index) => {
            const former = renamed.filter((each) => !declared.includes(each))[index]
            return former === undefined ? [] : [[name, former]]
          }),
        ),
        held: new Map(held.map((name) => [name, 'its manifest is invalid'])),
        flows: new Map(),
        credentials: new Map(),
        certificates: new Map(),
        complete,
        diagnostics: [],
      })),
  )

const anyInventory: fc.Arbitrary<Inventory> = subset
  .chain((existing) => fc.tuple(...existing.map(anyEntry)))
  .map((entries) => new Map(entries.map((entry) => [entry.uid, entry])))

function anyObserved(inventory: Inventory): fc.Arbitrary<ObservedState> {
  const entries = [...inventory.values()]
  return fc
    .record({
      sights: fc.tuple(...entries.map(() => anySight)),
      orphans: subset,
      unreachable: fc.nat(4).map((n) => n === 0),
    })
    .map(({ sights, orphans, unreachable }) => {
      if (unreachable)
        return { observations: new Map(), unreachable: new Map([['localfs', 'it does not answer']]) }
      const seen = entries.flatMap((entry, index) => sighted(entry, sights[index] ?? 'not seen'))
      const strays = orphans.flatMap((name): readonly Observation[] =>
        [1, 2].map((n) => ({
          kind: 'present',
          uid: `stray-${n}-${name}`,
          name,
          fields: {},
          phase: 'running',
        })),
      )
      return {
        observations: new Map([...seen, ...strays].map((one) => [one.uid, one])),
        unreachable: new Map(),
      }
    })
}

/** Anything that a plan may be asked about. */
export const anyInput: fc.Arbitrary<PlanInput> = fc
  .record({ desired: anyDesired, inventory: anyInventory })
  .chain(({ desired, inventory }) =>
    anyObserved(inventory).map((observed) => ({
      desired,
      inventory,
      observed,
      drivers: new Map([['localfs' as const, { effects: localfsEffects, configured: {} }]]),
      blocked: new Map(),
    })),
  )
