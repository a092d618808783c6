import type { Say } from './console-log.ts'
import { type Address, answers, residentBytes, untilAnswers, whyNotListen } from './health.ts'
import type { RunningNodeRed } from './node-red.ts'
import { pause } from './pause.ts'
import { afterLife, noTroubles, type Life as Lived, type StartMode, type Troubles } from './restart-policy.ts'
import { reasonOf } from './runtime-client.ts'
import type { LauncherPhase } from './wire.ts'

/** What is kept running. */
export interface Workload {
  readonly address: Address
  /** The memory limit in bytes. */
  readonly memory?: number
  /** Brings modules and files to what they must be. `installing` is called before what takes long. */
  prepare(installing: () => void, signal: AbortSignal): Promise<void>
  /** In safe mode its flows stay stopped until somebody deploys. */
  start(mode: StartMode): RunningNodeRed
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
  /** What Node-RED said last before it ended, while that is what stands in the way. */
  readonly lastLines?: readonly string[]
}

export interface SupervisorParts {
  readonly say: Say
  /** Called when Node-RED has ended by itself, and when it comes up in safe mode. */
  readonly happened: (event: 'crashed' | 'safe-mode') => void
  /** The last lines that Node-RED said. */
  readonly lastLines: () => readonly string[]
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

/** How one life of Node-RED went, and why it is over. */
interface Life extends Omit<Lived, 'at'> {
  readonly message: string
  /** Somebody deployed in safe mode: what went wrong before is theirs to have mended. */
  readonly deployed?: boolean
}

const graceMs = 6000
const failuresAllowed = 3
/** The phases that a start, or a stop, comes to. */
const comeTo: ReadonlySet<LauncherPhase> = new Set(['running', 'safe', 'crashed', 'stopped'])
const safeMode =
  'Node-RED ended again and again: its editor is up and its flows are stopped until somebody deploys, restarts it, or changes its settings or flows in Git'

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

  /** Settles when what was asked last has come to running, safe, crashed or stopped, or when the signal aborts. */
  settled(signal: AbortSignal): Promise<void> {
    if (comeTo.has(this.#standing.phase) || signal.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const done = () => {
        this.#settled.delete(done)
        signal.removeEventListener('abort', done)
        resolve()
      }
      this.#settled.add(done)
      signal.addEventListener('abort', done)
    })
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
    let troubles = noTroubles
    while (!signal.aborted) {
      const life = await this.#live(workload, troubles, signal)
      if (signal.aborted) return
      if (life.started) this.#parts.happened('crashed')
      const lastLines = life.started ? this.#parts.lastLines() : []
      const next = afterLife(life.deployed === true ? noTroubles : troubles, { ...life, at: Date.now() })
      if (next === 'give-up') return this.#giveUp(life.message, lastLines)
      const how = next.troubles.mode === 'safe' ? ' in safe mode' : ''
      this.#parts.say(`${life.message}\nStarting again${how} in ${next.delayMs / 1000} s`)
      this.#enter('crashed', life.message, lastLines)
      troubles = next.troubles
      await pause(next.delayMs, signal)
      if (!signal.aborted) this.#standing = { ...this.#standing, restarts: this.#standing.restarts + 1 }
    }
  }

  #giveUp(message: string, lastLines: readonly string[]): void {
    this.#parts.say(`${message}\nNot starting again: it ends in safe mode too`)
    const remedy = 'it is not started again before its settings or flows change in Git, or it is restarted'
    this.#enter('crashed', `${message}. It ends in safe mode too: ${remedy}`, lastLines)
  }

  async #live(workload: Workload, { mode }: Troubles, signal: AbortSignal): Promise<Life> {
    let started = false
    try {
      this.#enter('starting')
      await workload.prepare(() => this.#enter('installing'), signal)
      const trouble = await whyNotListen(workload.address)
      if (trouble !== undefined) return { message: trouble, started, healthyMs: 0 }
      if (signal.aborted) return { message: 'stopped', started, healthyMs: 0 }
      this.#child = workload.start(mode)
      started = true
      this.#enter('starting')
      return await this.#watch(this.#child, { workload, mode }, signal)
    } catch (error) {
      return { message: reasonOf(error), started, healthyMs: 0 }
    }
  }

  /** Watches until it ends, fails or is to be stopped; it has ended when this settles. */
  async #watch(
    child: RunningNodeRed,
    { workload, mode }: { readonly workload: Workload; readonly mode: StartMode },
    signal: AbortSignal,
  ): Promise<Life> {
    const over = new AbortController()
    const abort = () => over.abort()
    signal.addEventListener('abort', abort)
    let healthySince: number | undefined
    const healthy = () => {
      healthySince = Date.now()
      if (mode === 'safe') this.#safe()
      else this.#enter('running')
      workload.answered()
    }
    let deployed = false
    const flowsStarted = () => {
      if (mode !== 'safe' || over.signal.aborted) return
      deployed = true
      this.#parts.say('The flows were started: safe mode is over')
      this.#enter('running')
    }
    void child.flowsStarted.then(flowsStarted)
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
    const healthyMs = healthySince === undefined ? 0 : Date.now() - healthySince
    return { message, started: true, healthyMs, deployed }
  }

  #safe(): void {
    this.#parts.happened('safe-mode')
    this.#enter('safe', safeMode, this.#standing.lastLines)
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

  #enter(phase: LauncherPhase, message?: string, lastLines = this.#linesIn(phase)): void {
    const before = this.#standing
    const pid = this.#child?.pid
    this.#standing = {
      phase,
      ...(message === undefined ? {} : { message }),
      ...(pid === undefined ? {} : { pid }),
      restarts: before.restarts,
      since: before.phase === phase ? before.since : new Date().toISOString(),
      ...(lastLines === undefined || lastLines.length === 0 ? {} : { lastLines }),
    }
    this.#parts.changed()
    if (!comeTo.has(phase)) return
    for (const done of this.#settled) done()
  }

  /** What was said last is told until Node-RED runs again, or is to be stopped. */
  #linesIn(phase: LauncherPhase): readonly string[] | undefined {
    return phase === 'starting' || phase === 'installing' ? this.#standing.lastLines : undefined
  }
}

function mebibytes(bytes: number): number {
  return Math.round(bytes / (1024 * 1024))
}
