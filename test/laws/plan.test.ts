import * as fc from 'fast-check'
import t from 'tap'
import { anyInput, canary, expectedOf } from './arbitrary-fleet.ts'
import type { Task } from '../../reconciler/apply/run-action.ts'
import { tasksOf } from '../../reconciler/apply/tasks-of.ts'
import type { InventoryEntry } from '../../reconciler/model/inventory.ts'
import type { Observation } from '../../reconciler/model/observed-state.ts'
import type { Plan } from '../../reconciler/model/plan.ts'
import { applyGates } from '../../reconciler/plan/gates.ts'
import { makePlan } from '../../reconciler/plan/make-plan.ts'
import type { PlanInput } from '../../reconciler/plan/plan-input.ts'
import { renderMarkdown } from '../../reconciler/plan/render-markdown.ts'
import { renderText } from '../../reconciler/plan/render-text.ts'

const runs = { numRuns: 400 }

function reversed<K, V>(map: ReadonlyMap<K, V>): ReadonlyMap<K, V> {
  return new Map([...map].toReversed())
}

function inOtherOrder({ desired, inventory, observed, ...rest }: PlanInput): PlanInput {
  return {
    ...rest,
    desired: {
      ...desired,
      instances: reversed(desired.instances),
      held: reversed(desired.held),
      renames: reversed(desired.renames),
    },
    inventory: reversed(inventory),
    observed: { ...observed, observations: reversed(observed.observations) },
  }
}

/** What the world is after an apply that does all that the plan says. Pure. */
function afterwards(input: PlanInput, plan: Plan): PlanInput {
  const inventory = new Map(input.inventory)
  const observations = new Map(input.observed.observations)
  for (const task of tasksOf(plan, input.desired, input.inventory, { revision: {} }))
    carryOut(task, inventory, observations)
  return { ...input, inventory, observed: { ...input.observed, observations } }
}

function carryOut(
  { action: { kind, target }, desired: spec }: Task,
  inventory: Map<string, InventoryEntry>,
  observations: Map<string, Observation>,
): void {
  const uid = target.uid ?? `uid-of-${target.name}`
  if (kind === 'delete') {
    inventory.delete(uid)
    observations.delete(uid)
  } else if (spec !== undefined) {
    const expected = expectedOf(spec)
    const before = inventory.get(uid)
    const { name } = spec
    inventory.set(uid, {
      ...before,
      uid,
      name,
      driver: 'localfs',
      applied: { spec, expected, revision: 'r1', at: '2026-01-02T03:04:05.000Z' },
    })
    observations.set(uid, { kind: 'present', uid, name, fields: expected, phase: spec.state })
  }
}

t.test(
  'what is done of a refused plan waits for what is under way, and else only what takes rights alone',
  async () => {
    fc.assert(
      fc.property(anyInput, (input) => {
        const plan = makePlan(input)
        const refusal = { policy: 'delete-all', message: 'no', remedy: 'none' } as const
        const refused = { ...plan, refusals: [refusal], withdrawals: [...plan.actions] }
        const waiting = (one: Plan) =>
          tasksOf(one, input.desired, input.inventory, { revision: {} }).filter(
            ({ withdrawal }) => withdrawal === true,
          )
        const rightsAlone = waiting(plan).every(({ action: { changes } }) =>
          changes.every(({ path }) => path.startsWith('access.')),
        )
        return rightsAlone && waiting(refused).length === plan.actions.length
      }),
      runs,
    )
  },
)

t.test('after an apply nothing is left to do', async () => {
  fc.assert(
    fc.property(anyInput, (input) => {
      let now = input
      // an adopted stray makes room for its twin to be pruned in the next round
      for (let round = 0; round < 2; round++) now = afterwards(now, makePlan(now))
      return makePlan(now).actions.length === 0
    }),
    runs,
  )
})

t.test('the order of the input does not matter', async (t) => {
  fc.assert(
    fc.property(anyInput, (input) => {
      const [plan, other] = [makePlan(input), makePlan(inOtherOrder(input))]
      return plan.id === other.id && JSON.stringify(plan) === JSON.stringify(other)
    }),
    runs,
  )
  t.pass()
})

t.test('nothing is deleted that could not be seen, was held, is declared, or might be declared', async () => {
  fc.assert(
    fc.property(anyInput, (input) => {
      const { desired, observed, inventory } = input
      return makePlan(input)
        .actions.filter(({ kind }) => kind === 'delete')
        .every(({ target, reason }) => {
          const seen = observed.observations.get(target.uid ?? '')
          const known = seen !== undefined && seen.kind !== 'unknown' && observed.unreachable.size === 0
          const ours = reason === 'unowned' || !desired.instances.has(target.name)
          const ledger = reason === 'unowned' || inventory.has(target.uid ?? '')
          return known && ours && ledger && desired.complete && !desired.held.has(target.name)
        })
    }),
    runs,
  )
})

t.test('no instance is acted on twice, and none that runs is created again', async () => {
  fc.assert(
    fc.property(anyInput, (input) => {
      const { actions } = makePlan(input)
      const uids = actions.flatMap(({ target }) => target.uid ?? [])
      const twice = uids.length !== new Set(uids).size
      const again = actions.some(
        ({ kind, target, reason }) =>
          kind === 'create' &&
          reason !== 'unfinished' &&
          input.observed.observations.get(target.uid ?? '')?.kind === 'present',
      )
      return !twice && !again
    }),
    runs,
  )
})

t.test('no rendering holds a fingerprint or a password digest', async () => {
  fc.assert(
    fc.property(anyInput, (input) => {
      const plan = applyGates(makePlan(input), input.inventory.size, { maxShare: 0.25 })
      return ![renderText(plan), renderMarkdown(plan), JSON.stringify(plan)].join('\n').includes(canary)
    }),
    runs,
  )
})

t.test('the input is left as it was', async () => {
  fc.assert(
    fc.property(anyInput, (input) => {
      const before = shape(input)
      makePlan(deepFrozen(input))
      return shape(input) === before
    }),
    { numRuns: 100 },
  )
})

function shape(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => (inner instanceof Map ? [...inner] : inner))
}

function deepFrozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  Object.freeze(value)
  for (const inner of value instanceof Map ? value.values() : Object.values(value)) deepFrozen(inner)
  return value
}

t.test('the id tells what is done', async () => {
  fc.assert(
    fc.property(anyInput, anyInput, (one, other) => {
      const [left, right] = [makePlan(one), makePlan(other)]
      const same =
        JSON.stringify([left.actions, left.access]) === JSON.stringify([right.actions, right.access])
      return makePlan(one).id === left.id && same === (left.id === right.id)
    }),
    runs,
  )
})
