import type { FleetBoard } from './fleet-board.ts'
import type { Round } from './judge.ts'
import { readDesired, reconcile, type ReconcileDeps } from './reconcile.ts'
import { rememberedState } from './remembered-state.ts'
import { WakeQueue, type WakeCause } from './wake-queue.ts'
import type { Desk } from './desk.ts'
import type { Executor } from '../apply/executor.ts'
import type { Health } from '../apply/health.ts'
import { tasksOf, type Behind } from '../apply/tasks-of.ts'
import type { DesiredState } from '../model/desired-state.ts'
import type { Plan } from '../model/plan.ts'
import type { StatusRecord } from '../model/status-record.ts'
import type { Secret } from '../model/secret.ts'
import { allowanceOf } from '../plan/gates.ts'
import { SourceError } from '../source/source.ts'
import { StoreError, type Store } from '../store/store.ts'
import type { Observation, Phase } from '../model/observed-state.ts'
import type { Clock } from '../telemetry/clock.ts'
import { createGiveBack } from '../telemetry/memory.ts'
import type { Metrics } from '../telemetry/metrics.ts'

export interface ControllerLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
  debug(fields: object, message: string): void
}

export interface ControllerDeps extends ReconcileDeps {
  readonly store: Store
  readonly secretValues: () => ReadonlyMap<string, Secret>
  readonly desk: Desk
  readonly board: FleetBoard
  readonly queue: WakeQueue
  readonly executor: Executor
  readonly health: Health
  readonly clock: Clock
  readonly metrics: Metrics
  readonly log: ControllerLog
  /**
   * Present where another reconciler leads: nothing is done then, and nothing written. Reads what the leader keeps, before each
   * look.
   */
  readonly follow?: () => Promise<readonly StatusRecord[]>
}

/**
 * How long a one-shot run waits for instances that an earlier run left on their way, and how often it looks. In
 * milliseconds.
 */
const arrivalMs = 180_000
const lookAgainMs = 200

/** Between two looks of one who follows: each write of the leader wakes it. In milliseconds. */
const followEveryMs = 1_000

/** Of the mistakes of one revision, so many stand in the log; the status API has them all. */
const mostTold = 50

/** How a one-shot run ended. */
export interface Outcome {
  readonly kind: 'converged' | 'failed' | 'refused'
  readonly round?: Round
}

/** The loop: whatever wakes it, it looks at everything again and does what is to be done. */
export class Controller {
  readonly #deps: ControllerDeps
  readonly #giveBack: () => void
  #desired: DesiredState | undefined
  /** What `#desired` is while nothing could be read: less than the revision that it names. */
  #memory: DesiredState | undefined
  #lastRecord = ''
  /** Whether statuses wait to be kept. */
  #unkept = false
  #lastTold = '[[],[],[]]'

  constructor(deps: ControllerDeps) {
    this.#deps = deps
    this.#giveBack = createGiveBack(deps.clock)
    deps.health.subscribe((state) => {
      deps.board.reported(state, deps.executor)
      void this.#remember()
      const name = deps.board.current().inventory.get(state.uid)?.name
      if (name !== undefined && !deps.executor.isActive(name)) deps.queue.wake('driver')
    })
  }

  /** Keeps converging until the signal is aborted. */
  async serve(signal: AbortSignal): Promise<void> {
    const reading = this.#keepReading(signal)
    const watching = this.#deps.source.watch(() => this.#sources.wake('source'), signal)
    this.#sources.wake('start')
    this.#deps.queue.wake('start')
    try {
      for (;;)
        await this.#turn(await this.#deps.queue.next(this.#withRetry(signal)).catch(retryOr(signal)), signal)
    } finally {
      await Promise.allSettled([reading, watching, this.#deps.executor.whenIdle()])
    }
  }

  /** Reads the source once and works until every instance is as declared, or has failed. */
  async once(signal: AbortSignal): Promise<Outcome> {
    await this.#read(signal)
    if (this.#desired === undefined) return { kind: 'failed' }
    const end = this.#deps.clock.now().getTime() + arrivalMs
    for (;;) {
      const round = await this.#round(this.#desired, new Set(['start']), signal)
      const { refusals, actions } = round.plan
      if (refusals.length > 0 || actions.length > 0) {
        if (this.#deps.executor.idle) return { kind: refusals.length > 0 ? 'refused' : 'failed', round }
        await this.#deps.executor.whenIdle()
      } else if (isOnItsWay(round) && this.#deps.clock.now().getTime() < end) {
        await this.#deps.clock.sleep(lookAgainMs, signal)
      } else {
        const unread = this.#deps.board.current().source.error !== undefined
        return { kind: unread ? 'failed' : outcomeOf(round), round }
      }
    }
  }

  readonly #sources = new WakeQueue()

  /** Reading the source is a loop of its own, so that a remote that hangs delays no correction of drift. */
  async #keepReading(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const causes = await this.#sources.next(signal).catch(() => undefined)
      if (causes === undefined) return
      // What is as before is judged without it.
      if (await this.#read(signal)) this.#deps.queue.wake('source')
    }
  }

  /** Asks for a look at what runs; on schedule at the source as well. */
  wake(cause: WakeCause): void {
    if (cause === 'schedule') this.#sources.wake(cause)
    this.#deps.queue.wake(cause)
  }

  /** Whether there is something new to judge. */
  async #read(signal: AbortSignal): Promise<boolean> {
    const { board, log } = this.#deps
    const before = this.#desired
    try {
      const desired = await readDesired(this.#deps, signal)
      if (desired.diagnostics.some(({ code }) => code === 'no-resources')) {
        board.sourceFailed(
          'no-resources',
          'the source holds no resources; what was read before stays in force',
        )
        log.warn({ revision: desired.revision.id }, 'the source holds no resources')
        this.#desired ??= (await this.#remembered()) ?? desired
        return this.#desired !== before
      }
      board.sourceRead(desired.revision)
      if (before?.revision.id === desired.revision.id && before !== this.#memory) return false
      log.info({ revision: desired.revision.id }, 'revision read')
      this.#desired = desired
      return true
    } catch (error) {
      if (signal.aborted) return false
      const { code, message } = sourceFailure(error)
      this.#desired ??= await this.#remembered()
      board.sourceFailed(code, message)
      this.#deps.metrics.sourceFailed(code)
      log.warn({ code, reason: message }, 'the source could not be read')
      return this.#desired !== before
    }
  }

  /**
   * What was last applied, for a start while Git is out of reach: instances that were to run are brought back, and
   * since nothing else is known nothing is changed or deleted.
   */
  async #remembered(): Promise<DesiredState | undefined> {
    this.#memory = rememberedState(await this.#deps.store.inventory())
    if (this.#memory !== undefined)
      this.#deps.log.warn({ revision: this.#memory.revision.id }, 'going on with what was last applied')
    return this.#memory
  }

  async #turn(causes: ReadonlySet<WakeCause>, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (this.#desired === undefined) return
    try {
      if (this.#deps.follow === undefined) await this.#round(this.#desired, causes, signal)
      else await this.#look(this.#desired, this.#deps.follow, signal)
      const trouble = this.#deps.store.trouble()
      if (trouble !== undefined || !this.#unkept) this.#storeIs(trouble)
      if (this.#deps.executor.idle) this.#giveBack()
      if (this.#deps.board.current().store === undefined) return
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof StoreError) this.#storeIs(error)
      else this.#deps.log.error({ err: error }, 'a round failed')
    }
    await this.#deps.clock.sleep(1_000, signal)
    this.#deps.queue.wake('retry')
  }

  /** An outage of the store is told once, and its end; what had failed meanwhile is tried at once. */
  #storeIs(trouble: StoreError | undefined): void {
    const { board, executor, log, queue } = this.#deps
    if (!board.storeIs(trouble && { code: trouble.code, message: trouble.message })) return
    if (trouble !== undefined)
      return log.error({ code: trouble.code, remedy: trouble.remedy }, trouble.message)
    log.info({}, 'the store can be used again')
    executor.settle(new Set())
    return queue.wake('store')
  }

  /** A round of one who follows. */
  async #look(
    desired: DesiredState,
    follow: NonNullable<ControllerDeps['follow']>,
    signal: AbortSignal,
  ): Promise<void> {
    const { board, desk, clock } = this.#deps
    const kept = await follow()
    const round = await reconcile(desired, this.#deps, signal)
    desk.refresh(round.desired, round.inventory, this.#deps.secretValues())
    board.followed(round, kept)
    this.#countInstances()
    await clock.sleep(followEveryMs, signal)
  }

  async #round(desired: DesiredState, causes: ReadonlySet<WakeCause>, signal: AbortSignal): Promise<Round> {
    const { board, desk, executor, log } = this.#deps
    const begun = this.#deps.clock.now()
    const round = await reconcile(desired, this.#deps, signal)
    desk.refresh(round.desired, round.inventory, this.#deps.secretValues())
    const { plan } = round
    const tasks = tasksOf(plan, round.desired, round.inventory, this.#behind(round))
    executor.settle(new Set(tasks.map(({ action }) => action.target.name)))
    executor.submit(tasks)
    board.roundDone(round, executor)
    await this.#remember()
    log.debug({ causes: [...causes], plan: plan.id, actions: plan.actions.length }, 'round done')
    this.#tell(round)
    this.#measure(round, begun)
    await this.#record(round, causes, begun.toISOString())
    return round
  }

  #behind({ plan, inventory, desired: { revision } }: Round): Behind {
    const allowance = allowanceOf(plan, inventory.size, this.#deps.policy)
    return { revision, ...(allowance === undefined ? {} : { allowance }) }
  }

  /** Says once what is wrong in Git and what is not done about it. */
  #tell({ plan, desired }: Round): void {
    const { log } = this.#deps
    const told = JSON.stringify([plan.refusals, plan.problems, desired.diagnostics])
    if (told === this.#lastTold) return
    this.#lastTold = told
    const { revision } = plan
    for (const { code, severity, at, message, remedy } of desired.diagnostics.slice(0, mostTold))
      log.warn({ revision, code, severity, ...at, remedy }, message)
    for (const { code, target, message } of plan.problems.slice(0, mostTold))
      log.warn({ revision, code, instance: target }, message)
    for (const { policy, message, remedy } of plan.refusals)
      log.error({ revision, plan: plan.id, policy, remedy }, `the plan is refused: ${message}`)
  }

  #measure({ plan }: Round, begun: Date): void {
    const { metrics, clock } = this.#deps
    const now = clock.now()
    metrics.reconciled(outcomeOfPlan(plan), (now.getTime() - begun.getTime()) / 1000, now)
    this.#countInstances()
  }

  #countInstances(): void {
    const { metrics, board } = this.#deps
    const counts = new Map<Phase, number>()
    for (const { phase } of board.current().instances.values())
      counts.set(phase, (counts.get(phase) ?? 0) + 1)
    metrics.instances(counts)
  }

  /** History keeps rounds that had something to do or say, once each. */
  async #record(round: Round, causes: ReadonlySet<WakeCause>, startedAt: string): Promise<void> {
    const { plan, desired } = round
    const outcome = outcomeOfPlan(plan)
    const key = `${plan.revision}/${plan.id}/${outcome}`
    if (key === this.#lastRecord || (outcome === 'failed' && !this.#deps.executor.idle)) return
    const { author, subject } = desired.revision
    const record = {
      planId: plan.id,
      revision: plan.revision,
      cause: [...causes].join(', '),
      startedAt,
      endedAt: this.#deps.clock.now().toISOString(),
      outcome,
      headline: plan.summary.headline,
      ...(author === undefined ? {} : { author }),
      ...(subject === undefined ? {} : { subject }),
    }
    await this.#deps.store.addReconciliation(
      record,
      plan.refusals.map(({ policy, message }) => `${policy}: ${message}`),
    )
    // only now: what could not be recorded is recorded by the next round
    this.#lastRecord = key
  }

  async #remember(): Promise<void> {
    const unsaved = this.#deps.board.takeUnsaved()
    const { changed, gone } = unsaved
    if (changed.length === 0 && gone.length === 0) return
    try {
      await this.#deps.store.saveStatuses(
        changed,
        gone.map((name) => ({ kind: 'Instance', name })),
      )
      this.#unkept = false
    } catch (error) {
      this.#deps.board.giveBack(unsaved)
      this.#unkept = true
      if (error instanceof StoreError) this.#storeIs(error)
      else this.#deps.log.error({ err: error }, 'statuses could not be saved')
    }
  }

  #withRetry(signal: AbortSignal): AbortSignal {
    const wait = this.#deps.executor.nextRetry()
    return wait === undefined ? signal : AbortSignal.any([signal, AbortSignal.timeout(wait)])
  }
}

function retryOr(signal: AbortSignal): (error: unknown) => ReadonlySet<WakeCause> {
  return (error) => {
    if (signal.aborted) throw error
    return new Set(['retry'])
  }
}

function sourceFailure(error: unknown): { readonly code: string; readonly message: string } {
  if (error instanceof SourceError) {
    const remedy = error.remedy === undefined ? '' : `; ${error.remedy}`
    return { code: error.code, message: `${error.message}${remedy}` }
  }
  return { code: 'source-unreachable', message: error instanceof Error ? error.message : String(error) }
}

function outcomeOfPlan({ refusals, actions }: Plan): Outcome['kind'] {
  if (refusals.length > 0) return 'refused'
  return actions.length > 0 ? 'failed' : 'converged'
}

const transient: ReadonlySet<Phase> = new Set(['pending', 'installing', 'starting', 'stopping'])

/** Whether an instance still comes up that no action of this run waits for: who began it was killed before it ran. */
function isOnItsWay(round: Round): boolean {
  return notRunning(round).some((seen) => seen?.kind === 'present' && transient.has(seen.phase))
}

function outcomeOf(round: Round): Outcome['kind'] {
  const invalid = round.desired.diagnostics.some(({ severity }) => severity === 'error')
  return invalid || notRunning(round).length > 0 || round.plan.problems.length > 0 ? 'failed' : 'converged'
}

/** What was seen of the instances that are to run and do not. */
function notRunning({ desired, inventory, observed }: Round): readonly (Observation | undefined)[] {
  return [...inventory.values()]
    .filter(({ name }) => desired.instances.get(name)?.state === 'running')
    .map(({ uid }) => observed.observations.get(uid))
    .filter((seen) => seen?.kind !== 'present' || seen.phase !== 'running')
}
