import type { Say } from './console-log.ts'
import { pause } from './pause.ts'
import { backOff } from './restart-policy.ts'
import { type RuntimeClient, reasonOf } from './runtime-client.ts'
import type { LauncherState } from './wire.ts'

export interface StateReporterParts {
  readonly runtime: Pick<RuntimeClient, 'report'>
  readonly say: Say
  /** Called when the door refuses the token. */
  readonly refused: () => void
}

const firstRetryMs = 1000
const longestRetryMs = 60_000

/** Pushes the newest state to the reconciler: one push under way at most, tried again until one is taken. */
export class StateReporter {
  readonly #parts: StateReporterParts
  readonly #closed = new AbortController()
  #newest: LauncherState | undefined
  #wake = new AbortController()
  /** Aborted when the door has been seen to answer. */
  #reachable = new AbortController()
  #failures = 0
  #working: Promise<void> | undefined

  constructor(parts: StateReporterParts) {
    this.#parts = parts
  }

  push(state: LauncherState): void {
    if (this.#closed.signal.aborted) return
    this.#newest = state
    this.#wake.abort()
    this.#working ??= this.#work().finally(() => {
      this.#working = undefined
    })
  }

  /** The door answers: what is still to be said is said at once, however often that has failed. */
  reachable(): void {
    this.#failures = 0
    this.#reachable.abort()
  }

  /** Gives what is still to be said this many milliseconds, then gives up. */
  async close(withinMs: number): Promise<void> {
    const timer = setTimeout(() => this.#closed.abort(), withinMs)
    await this.#working
    clearTimeout(timer)
    this.#closed.abort()
  }

  async #work(): Promise<void> {
    this.#failures = 0
    while (this.#newest !== undefined && !this.#closed.signal.aborted) {
      const state = this.#newest
      this.#wake = new AbortController()
      this.#reachable = new AbortController()
      const taken = await this.#send(state, this.#failures === 0)
      if (taken && this.#newest === state) this.#newest = undefined
      this.#failures = taken ? 0 : this.#failures + 1
      if (!taken) await this.#pauseAfter(this.#failures)
    }
  }

  async #send(state: LauncherState, first: boolean): Promise<boolean> {
    try {
      const status = await this.#parts.runtime.report(state, this.#closed.signal)
      if (status === 401 || status === 403) this.#parts.refused()
      if (status >= 200 && status < 300) return true
      if (first) this.#parts.say(`The reconciler answers ${status} to the state`)
    } catch (error) {
      if (first) this.#parts.say(`The state cannot be sent: ${reasonOf(error)}`)
    }
    return false
  }

  /** A newer state ends the pause, unless pushes keep failing; that the door answers always does. */
  async #pauseAfter(failures: number): Promise<void> {
    const milliseconds = backOff(failures, firstRetryMs, longestRetryMs)
    const always = [this.#closed.signal, this.#reachable.signal]
    await pause(milliseconds, AbortSignal.any(failures < 3 ? [...always, this.#wake.signal] : always))
  }
}
