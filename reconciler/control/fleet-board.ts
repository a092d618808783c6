import type { Round } from './judge.ts'
import type { LauncherState } from '../../launcher/wire.ts'
import type { Executor } from '../apply/executor.ts'
import type { PlacedInstance } from '../model/placed-instance.ts'
import type { Plan } from '../model/plan.ts'
import type { StatusRecord } from '../model/status-record.ts'
import { instanceStatus } from '../status/conditions.ts'
import type { FleetEvent, FleetStatus, FleetStatusFeed } from '../status/fleet-status.ts'
import type { Clock } from '../telemetry/clock.ts'

/** Where the newest status of the fleet stands, and who is told when it changes. */
export class FleetBoard implements FleetStatusFeed {
  #status: FleetStatus
  readonly #listeners = new Set<(event: FleetEvent) => void>()
  readonly #clock: Clock
  /** By name: what changed since it was last taken to be kept; undefined where it is gone. */
  #unsaved = new Map<string, StatusRecord | undefined>()

  constructor(initial: FleetStatus, clock: Clock) {
    this.#status = initial
    this.#clock = clock
  }

  current(): FleetStatus {
    return this.#status
  }

  subscribe(listener: (event: FleetEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  emit(event: FleetEvent): void {
    for (const listener of this.#listeners) listener(event)
  }

  update(change: Partial<FleetStatus>): void {
    this.#status = { ...this.#status, ...change }
  }

  /** The source could not be read: what was read before stays in force. */
  sourceFailed(code: string, message: string): void {
    const { source } = this.#status
    const since = source.error?.code === code ? source.error.since : this.#clock.now().toISOString()
    this.update({ source: { ...source, error: { code, message, since } } })
  }

  sourceRead(revision: FleetStatus['source']['revision'] & {}): void {
    const { description, revision: before } = this.#status.source
    this.update({ source: { description, revision, readAt: this.#clock.now().toISOString() } })
    if (before?.id !== revision.id) this.emit({ type: 'revision', revision })
  }

  /** Takes a round in. */
  roundDone(round: Round, executor: Executor): void {
    const { plan: before } = this.#status
    const { desired, inventory, observed, plan } = round
    this.update({
      desired,
      inventory,
      observed,
      plan,
      observedAt: this.#clock.now().toISOString(),
      ready: true,
    })
    if (before?.id !== plan.id || before.revision !== plan.revision) this.emit({ type: 'plan', plan })
    this.refresh(executor)
  }

  /** An instance is being brought about: it is known from now on, before the next round. */
  entered({ uid, spec, port }: PlacedInstance): void {
    const { inventory } = this.#status
    if (inventory.has(uid)) return
    const entry = { uid, name: spec.name, driver: spec.driver, ...(port === undefined ? {} : { port }) }
    this.update({ inventory: new Map(inventory).set(uid, entry) })
  }

  /** A launcher said how its instance is: told at once, without waiting for a round. */
  reported(state: LauncherState, executor: Executor): void {
    const { observed, inventory } = this.#status
    const entry = inventory.get(state.uid)
    if (observed === undefined || entry === undefined) return
    const before = observed.observations.get(state.uid)
    const fields = before?.kind === 'present' ? before.fields : {}
    const { uid, phase, message, lastLines } = state
    const seen = {
      kind: 'present',
      uid,
      name: entry.name,
      phase,
      fields,
      ...(message === undefined ? {} : { message }),
      ...(lastLines === undefined ? {} : { lastLines }),
    } as const
    const observations = new Map(observed.observations).set(uid, seen)
    this.update({ observed: { ...observed, observations } })
    this.refresh(executor, [entry.name])
  }

  /**
   * Judges instances anew: the named ones, or all. A status that changed is told and kept; that it holds for a newer
   * revision too is entered, but is no news.
   */
  refresh(executor: Executor, names?: readonly string[]): void {
    const index = indexOf(this.#status)
    const now = this.#clock.now().toISOString()
    const records = new Map(this.#status.instances)
    const changed: StatusRecord[] = []
    for (const name of names ?? index.names) {
      const before = records.get(name)
      const record = this.#judge(name, { before, index, executor, now })
      if (record === before) continue
      records.set(name, record)
      if (before === undefined || tellsMore(before, record)) changed.push(record)
    }
    const gone = names === undefined ? [...records.keys()].filter((name) => !index.names.has(name)) : []
    for (const name of gone) {
      records.delete(name)
      this.#unsaved.set(name, undefined)
    }
    this.update({ instances: records })
    for (const record of changed) {
      this.#unsaved.set(record.name, record)
      this.emit({ type: 'status', record })
    }
  }

  /** What is to be kept of statuses since the last call. */
  takeUnsaved(): { readonly changed: readonly StatusRecord[]; readonly gone: readonly string[] } {
    const unsaved = this.#unsaved
    this.#unsaved = new Map()
    return {
      changed: [...unsaved.values()].filter((record) => record !== undefined),
      gone: [...unsaved].flatMap(([name, record]) => (record === undefined ? [name] : [])),
    }
  }

  #judge(name: string, { before, index, executor, now }: Judging): StatusRecord {
    const uid = index.uids.get(name)
    return instanceStatus({
      name,
      before,
      desired: this.#status.desired?.instances.get(name),
      observation: uid === undefined ? undefined : this.#status.observed?.observations.get(uid),
      action: index.actions.get(name),
      active: executor.isActive(name),
      failure: executor.failureOf(name),
      obstacle: index.obstacles.get(name) ?? refusalOf(this.#status.plan, index.actions.has(name)),
      revision: this.#status.plan?.revision ?? '',
      now,
    })
  }
}

interface Judging {
  readonly before: StatusRecord | undefined
  readonly index: Index
  readonly executor: Executor
  readonly now: string
}

function tellsMore(before: StatusRecord, after: StatusRecord): boolean {
  return (
    before.phase !== after.phase ||
    before.message !== after.message ||
    after.conditions.some(({ status, reason, message }, at) => {
      const old = before.conditions[at]
      return old?.status !== status || old.reason !== reason || old.message !== message
    })
  )
}

interface Index {
  readonly names: ReadonlySet<string>
  readonly uids: ReadonlyMap<string, string>
  readonly actions: ReadonlyMap<string, Plan['actions'][number]>
  readonly obstacles: ReadonlyMap<string, { readonly reason: string; readonly message: string }>
}

function indexOf({ desired, inventory, plan }: FleetStatus): Index {
  const entries = [...inventory.values()]
  return {
    names: new Set([
      ...(desired?.instances.keys() ?? []),
      ...(desired?.held.keys() ?? []),
      ...entries.map(({ name }) => name),
    ]),
    uids: new Map(entries.map(({ name, uid }) => [name, uid])),
    actions: new Map((plan?.actions ?? []).map((action) => [action.target.name, action])),
    obstacles: new Map(
      (plan?.problems ?? []).flatMap(({ target, code, message }) =>
        target === undefined ? [] : [[target, { reason: reasonOf(code), message }]],
      ),
    ),
  }
}

function refusalOf(
  plan: Plan | undefined,
  planned: boolean,
): { reason: string; message: string } | undefined {
  const refusal = plan?.refusals[0]
  return refusal === undefined || !planned
    ? undefined
    : { reason: 'Refused', message: `the plan is refused: ${refusal.message}; ${refusal.remedy}` }
}

/** `missing-secret` to `MissingSecret`: the form that conditions use. */
function reasonOf(code: string): string {
  return code.replace(/(^|-)([a-z])/g, (_match, _dash, letter: string) => letter.toUpperCase())
}
