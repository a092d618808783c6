import type { Round } from './judge.ts'
import type { LauncherState } from '../../launcher/wire.ts'
import type { Executor } from '../apply/executor.ts'
import type { DesiredState } from '../model/desired-state.ts'
import type { Inventory } from '../model/inventory.ts'
import type { PlacedInstance } from '../model/placed-instance.ts'
import type { Plan } from '../model/plan.ts'
import type { StatusRecord } from '../model/status-record.ts'
import { instanceStatus, saysTheSame, type StatusInput } from '../status/conditions.ts'
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

  /** Goes on from what the store holds: what this process alone knew of instances may be old. */
  recall(kept: Pick<FleetStatus, 'fleet' | 'inventory' | 'instances'>): void {
    this.#unsaved = new Map()
    this.update(kept)
  }

  /** The source could not be read: what was read before stays in force. */
  sourceFailed(code: string, message: string): void {
    const { source } = this.#status
    const since = source.error?.code === code ? source.error.since : this.#clock.now().toISOString()
    this.update({ source: { ...source, error: { code, message, since } } })
  }

  /** Nothing can be written to the store, or it can again (undefined). Whether that is news. */
  storeIs(failure: { readonly code: string; readonly message: string } | undefined): boolean {
    const { store: before } = this.#status
    if (failure === undefined) {
      if (before !== undefined) this.update({ store: undefined })
      return before !== undefined
    }
    const since = before?.since ?? this.#clock.now().toISOString()
    this.update({ store: { ...failure, since } })
    return before?.code !== failure.code
  }

  sourceRead(revision: FleetStatus['source']['revision'] & {}): void {
    const { description, revision: before } = this.#status.source
    this.update({ source: { description, revision, readAt: this.#clock.now().toISOString() } })
    if (before?.id !== revision.id) this.emit({ type: 'revision', revision })
  }

  /** Takes a round in. */
  roundDone(round: Round, executor: Executor): void {
    this.#take(round)
    this.refresh(executor)
  }

  /** Takes in a round of a reconciler that only looks: statuses are what the leader has kept. */
  followed(round: Round, kept: readonly StatusRecord[]): void {
    const { instances: before } = this.#status
    this.#take(round)
    this.update({ instances: new Map(kept.map((record) => [record.name, record])) })
    for (const record of kept) {
      const old = before.get(record.name)
      if (old === undefined || tellsMore(old, record)) this.emit({ type: 'status', record })
    }
  }

  #take(round: Round): void {
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
    const { uid, phase, message, installing, lastLines } = state
    const seen = {
      kind: 'present',
      uid,
      name: entry.name,
      phase,
      fields,
      ...(message === undefined ? {} : { message }),
      ...(installing === true ? { installing } : {}),
      ...(lastLines === undefined ? {} : { lastLines }),
    } as const
    const observations = new Map(observed.observations).set(uid, seen)
    this.update({ observed: { ...observed, observations } })
    this.refresh(executor, [entry.name])
  }

  /**
   * Judges instances anew: the named ones, or all. A status that changed is told and kept. That it holds for a newer
   * revision too is no news, and most records are left as they are: whoever shows them knows the revision.
   */
  refresh(executor: Executor, names?: readonly string[]): void {
    const index = indexOf(this.#status)
    const now = this.#clock.now().toISOString()
    const { instances } = this.#status
    const judged: StatusRecord[] = []
    for (const name of names ?? index.names) {
      const before = instances.get(name)
      const record = this.#judge(name, { before, index, executor, now })
      if (record !== before) judged.push(record)
    }
    const gone = names === undefined ? [...instances.keys()].filter((name) => !index.names.has(name)) : []
    if (judged.length > 0 || gone.length > 0) this.#enter(judged, gone)
  }

  #enter(judged: readonly StatusRecord[], gone: readonly string[]): void {
    const { instances } = this.#status
    const records = new Map(instances)
    for (const record of judged) records.set(record.name, record)
    for (const name of gone) {
      records.delete(name)
      this.#unsaved.set(name, undefined)
    }
    this.update({ instances: records })
    for (const record of judged) {
      const before = instances.get(record.name)
      if (before !== undefined && !tellsMore(before, record)) continue
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

  /** What was taken and could not be kept is taken again, but for what changed since. */
  giveBack({ changed, gone }: ReturnType<FleetBoard['takeUnsaved']>): void {
    const back = [
      ...changed.map((record) => [record.name, record] as const),
      ...gone.map((name) => [name, undefined] as const),
    ]
    for (const [name, record] of back) if (!this.#unsaved.has(name)) this.#unsaved.set(name, record)
  }

  #judge(name: string, { before, index, executor, now }: Judging): StatusRecord {
    const uid = index.uids.get(name)
    const input: StatusInput = {
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
    }
    return before !== undefined && saysTheSame(input) ? before : instanceStatus(input)
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

type Names = Pick<Index, 'names' | 'uids'>

const namesOf = new WeakMap<Inventory, Names & { readonly desired: DesiredState | undefined }>()

/** Kept while both stay the same objects: each report of a launcher needs them. */
function namesIn({ desired, inventory }: FleetStatus): Names {
  const known = namesOf.get(inventory)
  if (known !== undefined && known.desired === desired) return known
  const names = new Set(desired?.instances.keys())
  for (const name of desired?.held.keys() ?? []) names.add(name)
  const uids = new Map<string, string>()
  for (const { name, uid } of inventory.values()) {
    names.add(name)
    uids.set(name, uid)
  }
  const made = { desired, names, uids }
  namesOf.set(inventory, made)
  return made
}

function indexOf(status: FleetStatus): Index {
  const { plan } = status
  return {
    ...namesIn(status),
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
