import type { Say } from './console-log.ts'
import { Delivery } from './delivery.ts'
import { type RuntimeClient, reasonOf } from './runtime-client.ts'
import type { LauncherState } from './wire.ts'

export interface StateReporterParts {
  readonly runtime: Pick<RuntimeClient, 'report'>
  readonly say: Say
  /** Called when the door refuses the token. */
  readonly refused: () => void
}

/** Pushes the newest state to the reconciler, until one is taken. */
export class StateReporter {
  readonly #parts: StateReporterParts
  readonly #delivery: Delivery
  #newest: LauncherState | undefined

  constructor(parts: StateReporterParts) {
    this.#parts = parts
    this.#delivery = new Delivery({
      waits: () => this.#newest !== undefined,
      send: async (failures, signal) => {
        const state = this.#newest
        const taken = state === undefined || (await this.#send(state, failures === 0, signal))
        if (taken && this.#newest === state) this.#newest = undefined
        return taken
      },
    })
  }

  push(state: LauncherState): void {
    this.#newest = state
    this.#delivery.begin()
  }

  /** See `Delivery.reachable`. */
  reachable(): void {
    this.#delivery.reachable()
  }

  /** See `Delivery.close`. */
  async close(withinMs: number): Promise<void> {
    await this.#delivery.close(withinMs)
  }

  async #send(state: LauncherState, first: boolean, signal: AbortSignal): Promise<boolean> {
    try {
      const status = await this.#parts.runtime.report(state, signal)
      if (status === 401 || status === 403) this.#parts.refused()
      if (status >= 200 && status < 300) return true
      if (first) this.#parts.say(`The reconciler answers ${status} to the state`)
    } catch (error) {
      if (first) this.#parts.say(`The state cannot be sent: ${reasonOf(error)}`)
    }
    return false
  }
}
