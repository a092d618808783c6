import pLimit, { type LimitFunction } from 'p-limit'
import { backOffAfter, mayTry, type BackOff } from './back-off.ts'
import { deletion, taskDigest } from './task-digest.ts'
import type { Task } from './run-action.ts'
import { DriverError } from '../drivers/driver.ts'
import type { Clock } from '../telemetry/clock.ts'

/** Why the last attempts failed, in one word where a driver had one, and when the next may be made. */
export type Failure = BackOff & { readonly message: string; readonly reason?: string }

export interface ExecutorEvent {
  readonly stage: 'begun' | 'ready' | 'failed' | 'aborted'
  readonly task: Task
  readonly error?: Error
}

/**
 * How long an action may hold one of the places. A slower one goes on without it, so that a hanging object never
 * delays another.
 */
const placeLimitMs = 30_000

export interface ExecutorDeps {
  readonly run: (task: Task, signal: AbortSignal) => Promise<void>
  readonly concurrency: number
  readonly clock: Clock
  readonly onEvent: (event: ExecutorEvent) => void
  readonly signal: AbortSignal
}

interface Work {
  readonly digest: string
  readonly abort: AbortController
  readonly end: Promise<void>
}

/** Runs actions beside each other: one at a time per instance, a bounded number at once. */
export class Executor {
  readonly #deps: ExecutorDeps
  readonly #limit: LimitFunction
  readonly #work = new Map<string, Work>()
  readonly #failures = new Map<string, Failure>()
  readonly #waitedFor = new Set<string>()

  constructor(deps: ExecutorDeps) {
    this.#deps = deps
    this.#limit = pLimit(deps.concurrency)
  }

  /**
   * Starts what may start now. What is under way goes on, unless something else is now to be done to that instance:
   * the newest revision wins. A deletion goes on only while it is still asked for; anything else is brought to its
   * end even when the instance is held back or its plan refused meanwhile, since half of it done may be a dead instance.
   */
  submit(tasks: readonly Task[]): void {
    const wanted = new Map(
      tasks
        .filter(({ withdrawal }) => withdrawal !== true)
        .map(({ action, desired }) => [action.target.name, taskDigest(desired)]),
    )
    for (const [name, { digest, abort }] of this.#work) {
      const next = wanted.get(name)
      const goesOn = next === digest || (next === undefined && digest !== deletion)
      if (!goesOn) abort.abort(new Error('superseded by a newer revision'))
    }
    const now = this.#deps.clock.now().getTime()
    this.#waitedFor.clear()
    for (const task of tasks) {
      const { name } = task.action.target
      if (task.withdrawal === true && this.#work.has(name)) this.#waitedFor.add(name)
      if (!this.#work.has(name) && mayTry(this.#failures.get(name), task.revision, now))
        this.#start(name, task)
    }
  }

  /** Whether something is to be done to an instance once what is under way there is done. */
  isWaitedFor(name: string): boolean {
    return this.#waitedFor.has(name)
  }

  isActive(name: string): boolean {
    return this.#work.has(name)
  }

  get idle(): boolean {
    return this.#work.size === 0
  }

  /** Of an instance whose last attempt failed. */
  failureOf(name: string): Failure | undefined {
    return this.#failures.get(name)
  }

  /** Settles when nothing is under way any more. */
  async whenIdle(): Promise<void> {
    while (this.#work.size > 0) await Promise.all([...this.#work.values()].map(({ end }) => end))
  }

  /** Milliseconds until the next failed object may be tried again; undefined when none waits. */
  nextRetry(): number | undefined {
    const now = this.#deps.clock.now().getTime()
    const waiting = [...this.#failures].flatMap(([name, { until }]) =>
      this.#work.has(name) ? [] : [until - now],
    )
    return waiting.length === 0 ? undefined : Math.max(0, Math.min(...waiting))
  }

  /** Forgets failures of objects that nothing is to be done to any more. */
  settle(pending: ReadonlySet<string>): void {
    for (const name of this.#failures.keys()) if (!pending.has(name)) this.#failures.delete(name)
  }

  #start(name: string, task: Task): void {
    const abort = new AbortController()
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#work.set(name, { digest: taskDigest(task.desired), abort, end: promise })
    void this.#limit(async () => {
      const attempt = this.#attempt(name, task, AbortSignal.any([abort.signal, this.#deps.signal]))
      await withinLimit(attempt.finally(resolve), this.#deps.clock)
    })
  }

  async #attempt(name: string, task: Task, signal: AbortSignal): Promise<void> {
    const { run, onEvent } = this.#deps
    try {
      signal.throwIfAborted()
      onEvent({ stage: 'begun', task })
      await run(task, signal)
      this.#failures.delete(name)
      this.#work.delete(name)
      onEvent({ stage: 'ready', task })
    } catch (caught) {
      const error = caught instanceof Error ? caught : new Error(String(caught))
      if (!signal.aborted) this.#fail(name, task, error)
      this.#work.delete(name)
      onEvent({ stage: signal.aborted ? 'aborted' : 'failed', task, error })
    }
  }

  #fail(name: string, task: Task, error: Error): void {
    const backOff = backOffAfter(this.#failures.get(name), task.revision, this.#deps.clock.now().getTime())
    const reason = error instanceof DriverError ? { reason: error.reason } : {}
    this.#failures.set(name, { ...backOff, ...reason, message: error.message })
  }
}

async function withinLimit(work: Promise<void>, clock: Clock): Promise<void> {
  const done = new AbortController()
  try {
    await Promise.race([work, clock.sleep(placeLimitMs, done.signal)])
  } finally {
    done.abort()
  }
}
