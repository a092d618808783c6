import type { Condition, ConditionType } from '../model/condition.ts'
import type { Observation, Phase } from '../model/observed-state.ts'
import type { Action } from '../model/plan.ts'
import type { ResolvedInstance } from '../model/resource.ts'
import type { StatusRecord } from '../model/status-record.ts'

/** All that is known of one instance when its status is told. */
export interface StatusInput {
  readonly name: string
  readonly before: StatusRecord | undefined
  readonly desired: ResolvedInstance | undefined
  readonly observation: Observation | undefined
  /** What the plan would do to it. */
  readonly action: Action | undefined
  /** Whether that is under way now. */
  readonly active: boolean
  /** How often it failed in a row, why, and when it is tried again (milliseconds since the epoch). */
  readonly failure:
    | {
        readonly failures: number
        readonly until: number
        readonly message: string
        /** The driver's word for it. */
        readonly reason?: string
      }
    | undefined
  /** Why nothing is done although something is to be done: held, blocked, or the plan refused. */
  readonly obstacle: { readonly reason: string; readonly message: string } | undefined
  readonly revision: string
  /** RFC 3339. */
  readonly now: string
}

type Judgement = Pick<Condition, 'status' | 'reason' | 'message'>

const notObserved: Judgement = {
  status: 'Unknown',
  reason: 'NotObserved',
  message: 'it could not be observed',
}

/**
 * The status of an instance: conditions are observations, each true, false or unknown, with a reason in one word and a
 * message for a person (docs/conditions.md). An unchanged status is the same object.
 */
export function instanceStatus(input: StatusInput): StatusRecord {
  const phase = phaseOf(input)
  const message = messageOf(input)
  const conditions = [
    condition('Ready', ready(input, phase), input),
    condition('Reconciling', reconciling(input), input),
    condition('Stalled', stalled(input), input),
    condition('Drifted', drifted(input), input),
  ]
  const { before } = input
  const same =
    before?.phase === phase &&
    before.message === message &&
    conditions.every((each, index) => each === before.conditions[index])
  const record: StatusRecord =
    before !== undefined && same
      ? before
      : {
          kind: 'Instance',
          name: input.name,
          phase,
          conditions,
          ...(message === undefined ? {} : { message }),
        }
  if (isCalm(input, phase)) judgedCalm.set(record, wantedState(input))
  return record
}

/** What the judgement of an instance rests on of which nothing is to be done and nothing in the way. */
const judgedCalm = new WeakMap<StatusRecord, 'running' | 'stopped'>()

/**
 * Whether nothing that a status tells can have changed since `before`, but for the revision it is about. Quick, since it
 * is so for most of a fleet in most rounds; false says nothing.
 */
export function saysTheSame(input: StatusInput): boolean {
  const { before } = input
  const phase = phaseOf(input)
  return (
    before !== undefined &&
    isCalm(input, phase) &&
    before.phase === phase &&
    before.message === messageOf(input) &&
    judgedCalm.get(before) === wantedState(input)
  )
}

function isCalm({ action, active, failure, obstacle }: StatusInput, phase: Phase): boolean {
  return (
    action === undefined && !active && failure === undefined && obstacle === undefined && phase !== 'unknown'
  )
}

function condition(
  type: ConditionType,
  judgement: Judgement,
  { before, revision, now }: StatusInput,
): Condition {
  const old = before?.conditions.find((each) => each.type === type)
  const unchanged =
    old?.status === judgement.status &&
    old.reason === judgement.reason &&
    old.message === judgement.message &&
    old.observedRevision === revision
  if (old !== undefined && unchanged) return old
  return {
    type,
    ...judgement,
    since: old?.status === judgement.status ? old.since : now,
    observedRevision: revision,
  }
}

function phaseOf({ observation }: StatusInput): Phase {
  if (observation === undefined || observation.kind === 'absent') return 'pending'
  return observation.kind === 'unknown' ? 'unknown' : observation.phase
}

function messageOf({ observation }: StatusInput): string | undefined {
  if (observation?.kind === 'present') return observation.message
  return observation?.kind === 'unknown' ? observation.cause : undefined
}

function ready(input: StatusInput, phase: Phase): Judgement {
  const { action, observation, obstacle } = input
  const wanted = wantedState(input)
  if (obstacle !== undefined && action === undefined && observation?.kind !== 'present')
    return { status: 'False', ...obstacle }
  if (phase === 'unknown') return notObserved
  if (phase !== wanted) return otherPhase(input, phase, wanted)
  if (action !== undefined && action.effect !== 'nothing')
    return { status: 'False', reason: 'Outdated', message: `it is ${wanted}, but not as declared` }
  return { status: 'True', reason: capitalised(wanted), message: `it is ${wanted}, as declared` }
}

function otherPhase(input: StatusInput, phase: Phase, wanted: string): Judgement {
  const message = phase === 'safe' ? messageOf(input) : undefined
  const reason = phase === 'safe' ? 'SafeMode' : capitalised(phase)
  return { status: 'False', reason, message: message ?? `it is ${phase}, to be ${wanted}` }
}

function wantedState({ desired }: StatusInput): 'running' | 'stopped' {
  return desired?.state ?? 'running'
}

function reconciling(input: StatusInput): Judgement {
  const { action, active, failure } = input
  if (active) return underWay(input)
  if (action !== undefined && failure !== undefined)
    return {
      status: 'True',
      reason: 'Retrying',
      message: `${action.kind} failed ${failure.failures} times, next try at ${new Date(failure.until).toISOString()}`,
    }
  if (action !== undefined)
    return { status: 'True', reason: 'Pending', message: `${action.kind} is to be done` }
  return { status: 'False', reason: 'Converged', message: 'nothing is to be done' }
}

function underWay({ action, observation }: StatusInput): Judgement {
  const message = `${action?.kind ?? 'an action'} is under way`
  if (observation?.kind !== 'present' || observation.installing !== true)
    return { status: 'True', reason: 'Applying', message }
  const what = observation.message ?? 'what it needs is being installed'
  return { status: 'True', reason: 'Installing', message: `${message}: ${what}` }
}

function stalled({ obstacle, failure }: StatusInput): Judgement {
  if (obstacle !== undefined) return { status: 'True', ...obstacle }
  if (failure !== undefined) {
    const { message, reason } = failure
    return { status: 'True', reason: 'Failing', ...(reason === undefined ? {} : { reason }), message }
  }
  return { status: 'False', reason: 'NotStalled', message: 'nothing stands in the way' }
}

function drifted({ action, observation }: StatusInput): Judgement {
  if (observation?.kind === 'unknown') return notObserved
  if (action?.reason === 'missing') return { status: 'True', reason: 'Missing', message: 'it is gone' }
  const fields = (action?.changes ?? []).filter(({ cause }) => cause === 'drift').map(({ path }) => path)
  if (fields.length > 0)
    return { status: 'True', reason: 'Differs', message: `differs in ${fields.join(', ')}` }
  return { status: 'False', reason: 'AsApplied', message: 'what runs is what was applied' }
}

function capitalised(word: string): string {
  return word.slice(0, 1).toUpperCase() + word.slice(1)
}
