import { pause } from './pause.ts'
import { backOff } from './restart-policy.ts'
import type { RuntimeClient } from './runtime-client.ts'
import type { LauncherAuditEvent } from './wire.ts'

export interface AuditReporterParts {
  readonly runtime: Pick<RuntimeClient, 'audit'>
  /** Tells this launcher from those before it: ids are made of it. */
  readonly life: string
  /** In milliseconds since the epoch. */
  readonly now: () => number
}

const firstRetryMs = 1000
const longestRetryMs = 60_000
/** While the reconciler is away so many wait; then the oldest make way, and their number is told. */
const mostWaiting = 50

/** Brings what the launcher saw into the audit trail, in order: tried again until it is taken, or refused as senseless. */
export class AuditReporter {
  readonly #parts: AuditReporterParts
  readonly #closed = new AbortController()
  #reachable = new AbortController()
  #waiting: LauncherAuditEvent[] = []
  #dropped = 0
  #made = 0
  #working: Promise<void> | undefined

  constructor(parts: AuditReporterParts) {
    this.#parts = parts
  }

  push(event: 'crashed' | 'safe-mode'): void {
    if (this.#closed.signal.aborted) return
    this.#waiting.push(this.#event({ event }))
    if (this.#waiting.length > mostWaiting) {
      this.#dropped += weightOf(this.#waiting.shift())
    }
    this.#working ??= this.#work().finally(() => {
      this.#working = undefined
    })
  }

  /** The door answers: what waits is sent at once. */
  reachable(): void {
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
    let failures = 0
    while (this.#waiting.length > 0 && !this.#closed.signal.aborted) {
      this.#reachable = new AbortController()
      this.#tellGap()
      const batch = [...this.#waiting]
      if (await this.#send(batch)) {
        this.#waiting = this.#waiting.filter((event) => !batch.includes(event))
        failures = 0
        continue
      }
      failures += 1
      const over = AbortSignal.any([this.#closed.signal, this.#reachable.signal])
      await pause(backOff(failures, firstRetryMs, longestRetryMs), over)
    }
  }

  /** In the place of the oldest, which is counted with those before it. */
  #tellGap(): void {
    if (this.#dropped === 0) return
    this.#waiting[0] = this.#event({ event: 'gap', count: this.#dropped + weightOf(this.#waiting[0]) })
    this.#dropped = 0
  }

  /** Whether they need not be sent again. A refusal of the token is told by the settings; of the content, by nobody. */
  async #send(events: readonly LauncherAuditEvent[]): Promise<boolean> {
    try {
      const status = await this.#parts.runtime.audit(events, this.#closed.signal)
      return (status >= 200 && status < 300) || status === 400 || status === 413
    } catch {
      return false
    }
  }

  #event(what: Pick<LauncherAuditEvent, 'event' | 'count'>): LauncherAuditEvent {
    this.#made += 1
    const { life, now } = this.#parts
    return { id: `launcher:${life}:${this.#made}`, at: new Date(now()).toISOString(), ...what }
  }
}

/** How many events one stands for. */
function weightOf(event: LauncherAuditEvent | undefined): number {
  return event?.count ?? 1
}
