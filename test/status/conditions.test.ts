import t from 'tap'
import { conditionTypes } from '../../reconciler/model/condition.ts'
import type { Action } from '../../reconciler/model/plan.ts'
import { instanceStatus, type StatusInput } from '../../reconciler/status/conditions.ts'
import { resolvedInstance } from '../support/make-instance.ts'

const present = (phase: 'running' | 'safe' | 'stopped' | 'crashed' | 'starting', message?: string) =>
  ({
    kind: 'present',
    uid: 'u',
    name: 'press',
    fields: {},
    phase,
    ...(message === undefined ? {} : { message }),
  }) as const
const action = (more: Partial<Action> = {}): Action => ({
  kind: 'restart',
  target: { name: 'press', uid: 'u' },
  cause: 'change',
  reason: 'spec-changed',
  effect: 'flows restart',
  changes: [{ path: 'env.SITE', cause: 'change', from: 'a', to: 'b' }],
  ...more,
})
const calm: StatusInput = {
  name: 'press',
  before: undefined,
  desired: resolvedInstance('press'),
  observation: present('running'),
  action: undefined,
  active: false,
  failure: undefined,
  obstacle: undefined,
  revision: 'r1',
  now: '2026-01-01T00:00:00.000Z',
}
const failure = { failures: 2, until: Date.UTC(2026, 0, 1), message: 'the port is in use' }
const obstacle = { reason: 'Held', message: 'its manifest is invalid' }
const drift = action({
  cause: 'drift',
  reason: 'drifted',
  changes: [{ path: 'settings.js', cause: 'drift' }],
})

/** What is known, then the phase and the four conditions as status and reason. */
const table: readonly (readonly [string, Partial<StatusInput>, string])[] = [
  ['all is well', {}, 'running True/Running False/Converged False/NotStalled False/AsApplied'],
  [
    'not there yet',
    { observation: undefined, action: action({ kind: 'create', effect: 'created', changes: [] }) },
    'pending False/Pending True/Pending False/NotStalled False/AsApplied',
  ],
  [
    'a change is to come',
    { action: action() },
    'running False/Outdated True/Pending False/NotStalled False/AsApplied',
  ],
  [
    'a change that waits for modules',
    { action: action(), active: true, observation: { ...present('running'), installing: true } },
    'running False/Outdated True/Installing False/NotStalled False/AsApplied',
  ],
  [
    'a change nobody feels',
    { action: action({ kind: 'update', effect: 'nothing' }) },
    'running True/Running True/Pending False/NotStalled False/AsApplied',
  ],
  [
    'it is under way',
    { action: action(), active: true },
    'running False/Outdated True/Applying False/NotStalled False/AsApplied',
  ],
  [
    'it failed',
    { action: action(), failure },
    'running False/Outdated True/Retrying True/Failing False/AsApplied',
  ],
  [
    'it failed, and the driver has a word for it',
    { action: action(), failure: { ...failure, reason: 'PortInUse' } },
    'running False/Outdated True/Retrying True/PortInUse False/AsApplied',
  ],
  ['held while it runs', { obstacle }, 'running True/Running False/Converged True/Held False/AsApplied'],
  [
    'held before it was made',
    { obstacle, observation: undefined },
    'pending False/Held False/Converged True/Held False/AsApplied',
  ],
  ['drifted', { action: drift }, 'running False/Outdated True/Pending False/NotStalled True/Differs'],
  [
    'vanished',
    {
      observation: { kind: 'absent', uid: 'u' },
      action: action({ kind: 'create', reason: 'missing', changes: [] }),
    },
    'pending False/Pending True/Pending False/NotStalled True/Missing',
  ],
  [
    'not to be seen',
    { observation: { kind: 'unknown', uid: 'u', cause: 'it does not answer' } },
    'unknown Unknown/NotObserved False/Converged False/NotStalled Unknown/NotObserved',
  ],
  [
    'crashed',
    { observation: present('crashed', 'exit code 1') },
    'crashed False/Crashed False/Converged False/NotStalled False/AsApplied',
  ],
  [
    'safe',
    { observation: present('safe', 'its flows are stopped') },
    'safe False/SafeMode False/Converged False/NotStalled False/AsApplied',
  ],
  [
    'safe, to be stopped',
    { desired: resolvedInstance('press', { state: 'stopped' }), observation: present('safe') },
    'safe False/SafeMode False/Converged False/NotStalled False/AsApplied',
  ],
  [
    'starting',
    { observation: present('starting') },
    'starting False/Starting False/Converged False/NotStalled False/AsApplied',
  ],
  [
    'stopped as declared',
    { desired: resolvedInstance('press', { state: 'stopped' }), observation: present('stopped') },
    'stopped True/Stopped False/Converged False/NotStalled False/AsApplied',
  ],
]

for (const [what, known, expected] of table)
  t.test(what, async (t) => {
    const status = instanceStatus({ ...calm, ...known })
    const told = status.conditions.map(({ status: value, reason }) => `${value}/${reason}`).join(' ')
    t.equal(`${status.phase} ${told}`, expected)
    t.strictSame(
      status.conditions.map(({ type }) => type),
      conditionTypes,
    )
    for (const { message, reason, since } of status.conditions) {
      t.match(reason, /^[A-Z][A-Za-z]+$/)
      t.ok(message.length > 0)
      t.equal(since, calm.now)
    }
    const again = instanceStatus({ ...calm, ...known, before: status, now: '2026-01-02T00:00:00.000Z' })
    t.equal(again, status, 'an unchanged status is the same object')
  })

t.test('since moves with the status alone, from every row to every other', async (t) => {
  const later = '2026-01-02T00:00:00.000Z'
  const pairs = table.flatMap(([, from]) => table.map(([what, to]) => ({ what, from, to })))
  for (const { what, from, to } of pairs) {
    const before = instanceStatus({ ...calm, ...from })
    const after = instanceStatus({ ...calm, ...to, before, revision: 'r2', now: later })
    t.strictSame(
      after.conditions.map(({ since, observedRevision }) => [since, observedRevision]),
      after.conditions.map(({ status }, index) => [
        before.conditions[index]?.status === status ? calm.now : later,
        'r2',
      ]),
      what,
    )
  }
  t.match(instanceStatus({ ...calm, observation: present('crashed', 'exit code 1') }).message, 'exit code 1')
})
