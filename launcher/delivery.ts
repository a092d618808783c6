import { pause } from './pause.ts'
import { backOff } from './restart-policy.ts'

const firstRetryMs = 1000
const longestRetryMs = 60_000
/** After so many failures in a row something new is no reason any more to try at once. */
const patientAfter = 3

export interface DeliveryParts {
  /** Whether something waits to be sent. */
  readonly waits: () => boolean
  /** Sends what waits now; whether it need not be sent again. `failures`: how many came before it in a row. */
  readonly send: (failures: number, signal: AbortSignal) => Promise<boolean>
}

/** Sends what waits: one sending under way at most, tried again after growing pauses until it is taken. */
export class Delivery {
  readonly #parts: DeliveryParts
  readonly #closed = new AbortController()
  #wake = new AbortController()
  /** Aborted when the other side has been seen to answer. */
  #reachable = new AbortController()
  #failures = 0
  #working: Promise<void> | undefined

  constructor(parts: DeliveryParts) {
    this.#parts = parts
  }

  get isClosed(): boolean {
    return this.#closed.signal.aborted
  }

  /** Something new waits. */
  begin(): void {
    if (this.isClosed) return
    this.#wake.abort()
    this.#working ??= this.#work().finally(() => {
      this.#working = undefined
    })
  }

  /** The other side answers: what waits is sent at once, however often that has failed. */
  reachable(): void {
    this.#failures = 0
    this.#reachable.abort()
  }

  /** Gives what waits this many milliseconds, then gives up. */
  async close(withinMs: number): Promise<void> {
    const timer = setTimeout(() => this.#closed.abort(), withinMs)
    await this.#working
    clearTimeout(timer)
    this.#closed.abort()
  }

  async #work(): Promise<void> {
    this.#failures = 0
    while (this.#parts.waits() && !this.isClosed) {
      this.#wake = new AbortController()
      this.#reachable = new AbortController()
      const taken = await this.#parts.send(this.#failures, this.#closed.signal)
      this.#failures = taken ? 0 : this.#failures + 1
      if (!taken) await this.#pauseAfter(this.#failures)
    }
  }

  async #pauseAfter(failures: number): Promise<void> {
    const always = [this.#closed.signal, this.#reachable.signal]
    const over = failures < patientAfter ? [...always, this.#wake.signal] : always
    await pause(backOff(failures, firstRetryMs, longestRetryMs), AbortSignal.any(over))
  }
}
