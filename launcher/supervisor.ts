import type { Say } from './console-log.ts'
import { type Address, answers, portIsFree, residentBytes, untilAnswers } from './health.ts'
import type { RunningNodeRed } from './node-red.ts'
import { pause } from './pause.ts'
import { afterEnd } from './restart-policy.ts'
import { reasonOf } from './runtime-client.ts'
import type { LauncherPhase } from './wire.ts'

/** What is kept running. */
export interface Workload {
  readonly address: Address
  /** The memory limit in bytes. */
  readonly memory?: number
  /** Brings modules and files to what they must be. `installing` is called before what takes long. */
  prepare(installing: () => void, signal: AbortSignal): Promise<void>
  start(): RunningNodeRed
  /** Called when it answers for the first time. */
  answered(): void
}

/** How it stands with Node-RED. */
export interface Standing {
  readonly phase: LauncherPhase
  readonly message?: string
  readonly pid?: number
  readonly restarts: number
  /** RFC 3339. */
  readonly since: string
}

export interface SupervisorParts {
  readonly say: Say
  /** Called whenever the standing has changed. */
  readonly changed: () => void
  /** How long Node-RED may take until it answers, in milliseconds. */
  readonly startWithinMs?: number
  readonly healthEveryMs?: number
}

interface Task {
  readonly abort: AbortController
  readonly done: Promise<void>
}

/** How one life of Node-RED went. */
interface Life {
  readonly message: string
  readonly healthyMs: number
}

const graceMs = 6000
const failuresAllowed = 3

/**
 * Keeps one Node-RED running, or stopped. A call replaces what was asked before it: the task under way is aborted, ends
 * its Node-RED, and only then the next begins. So no call waits for an event that may never come.
 */
export class Supervisor {
  readonly #parts: Required<SupervisorParts>
  #standing: Standing = { phase: 'starting', restarts: 0, since: new Date().toISOString() }
  #task: Task | undefined
  #child: RunningNodeRed | undefined
  #hurried = false
  readonly #settled = new Set<() => void>()

  constructor(parts: SupervisorParts) {
    this.#parts = { startWithinMs: 120_000, healthEveryMs: 5000, ...parts }
  }

  get standing(): Standing {
    return this.#standing
  }

  /** Keeps this running from now on, in place of what ran before. */
  run(workload: Workload): void {
    this.#replace('starting', (signal) => this.#keepRunning(workload, signal))
  }

  stop(message?: string): void {
    this.#replace('stopping', async () => this.#enter('stopped', message))
  }

  /** Nothing can be started yet; the message says what is waited for. */
  wait(message: string): void {
    this.#replace('starting', async () => this.#enter('starting', message))
  }

  /** From now on no grace is given: Node-RED is killed where it would be asked to end. */
  hurry(): void {
    this.#hurried = true
    if (this.#standing.phase === 'stopping') this.#child?.signal('SIGKILL')
  }

  /** Settles when what was asked last has come to running, crashed or stopped. */
  settled(): Promise<void> {
    return new Promise((resolve) => this.#settled.add(resolve))
  }

  /** Settles when what was asked last is done: after `stop`, when Node-RED has ended. */
  async idle(): Promise<void> {
    await this.#task?.done
  }

  #replace(meanwhile: LauncherPhase, work: (signal: AbortSignal) => Promise<void>): void {
    const previous = this.#task
    previous?.abort.abort()
    const abort = new AbortController()
    this.#enter(this.#child === undefined ? meanwhile : 'stopping')
    const begin = async () => {
      await previous?.done
      if (!abort.signal.aborted) await work(abort.signal)
    }
    const failed = (error: unknown) => this.#enter('crashed', reasonOf(error))
    this.#task = { abort, done: begin().catch(failed) }
  }

  async #keepRunning(workload: Workload, signal: AbortSignal): Promise<void> {
    let failures = 0
    while (!signal.aborted) {
      const life = await this.#live(workload, signal)
      if (signal.aborted) return
      const next = afterEnd(failures, life.healthyMs)
      failures = next.failures
      this.#parts.say(`${life.message}\nStarting again in ${next.delayMs / 1000} s`)
      this.#enter('crashed', life.message)
      await pause(next.delayMs, signal)
      if (!signal.aborted) this.#standing = { ...this.#standing, restarts: this.#standing.restarts + 1 }
    }
  }

  async #live(workload: Workload, signal: AbortSignal): Promise<Life> {
    try {
      this.#enter('starting')
      await workload.prepare(() => this.#enter('installing'), signal)
      const { port } = workload.address
      if (!(await portIsFree(workload.address))) {
        return { message: `Port ${port} is in use by another process`, healthyMs: 0 }
      }
      if (signal.aborted) return { message: 'stopped', healthyMs: 0 }
      this.#child = workload.start()
      this.#enter('starting')
      return await this.#watch(this.#child, workload, signal)
    } catch (error) {
      return { message: reasonOf(error), healthyMs: 0 }
    }
  }

  /** Watches until it ends, fails or is to be stopped; it has ended when this settles. */
  async #watch(child: RunningNodeRed, workload: Workload, signal: AbortSignal): Promise<Life> {
    const over = new AbortController()
    const abort = () => over.abort()
    signal.addEventListener('abort', abort)
    let healthySince: number | undefined
    const healthy = () => {
      healthySince = Date.now()
      this.#enter('running')
      workload.answered()
    }
    const observed = this.#observe(child, workload, { signal: over.signal, healthy })
    const ended = child.ended.then(({ code, signal }) => {
      const how = signal === null ? `exit code ${code}` : `signal ${signal}`
      // What it printed may hold its secrets, and stays in its own log: this message goes to the status API.
      return `Node-RED ended with ${how}; its log says why`
    })
    const message = await Promise.race([ended, observed])
    over.abort()
    signal.removeEventListener('abort', abort)
    await this.#end(child)
    this.#child = undefined
    return { message, healthyMs: healthySince === undefined ? 0 : Date.now() - healthySince }
  }

  async #end(child: RunningNodeRed): Promise<void> {
    child.signal(this.#hurried ? 'SIGKILL' : 'SIGTERM')
    const timer = setTimeout(() => child.signal('SIGKILL'), graceMs)
    await child.ended
    clearTimeout(timer)
  }

  /** Settles with what is wrong, or when the signal aborts. */
  async #observe(
    child: RunningNodeRed,
    workload: Workload,
    { signal, healthy }: { readonly signal: AbortSignal; readonly healthy: () => void },
  ): Promise<string> {
    const { startWithinMs, healthEveryMs } = this.#parts
    if (!(await untilAnswers(workload.address, startWithinMs, signal))) {
      return signal.aborted ? 'stopped' : `Node-RED did not answer within ${startWithinMs / 1000} s`
    }
    healthy()
    const count = { silent: 0, large: 0 }
    while (!signal.aborted) {
      await pause(healthEveryMs, signal)
      const trouble = signal.aborted ? undefined : await this.#examine(child, workload, count)
      if (trouble !== undefined) return trouble
    }
    return 'stopped'
  }

  async #examine(
    child: RunningNodeRed,
    { address, memory }: Workload,
    count: { silent: number; large: number },
  ): Promise<string | undefined> {
    const [answered, resident = 0] = await Promise.all([
      answers(address, this.#parts.healthEveryMs),
      residentBytes(child.pid),
    ])
    count.silent = answered ? 0 : count.silent + 1
    count.large = memory !== undefined && resident > memory ? count.large + 1 : 0
    if (count.silent >= failuresAllowed) return `Node-RED did not answer ${failuresAllowed} times in a row`
    if (count.large < 2 || memory === undefined) return undefined
    return `Node-RED took ${mebibytes(resident)} MiB of memory; its limit is ${mebibytes(memory)} MiB`
  }

  #enter(phase: LauncherPhase, message?: string): void {
    const before = this.#standing
    const pid = this.#child?.pid
    this.#standing = {
      phase,
      ...(message === undefined ? {} : { message }),
      ...(pid === undefined ? {} : { pid }),
      restarts: before.restarts,
      since: before.phase === phase ? before.since : new Date().toISOString(),
    }
    this.#parts.changed()
    if (phase !== 'running' && phase !== 'crashed' && phase !== 'stopped') return
    for (const resolve of this.#settled) resolve()
    this.#settled.clear()
  }
}

function mebibytes(bytes: number): number {
  return Math.round(bytes / (1024 * 1024))
}
