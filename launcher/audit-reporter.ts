import { Delivery } from './delivery.ts'
import type { RuntimeClient } from './runtime-client.ts'
import type { HappenedEvent, LauncherAuditEvent } from './wire.ts'

export interface AuditReporterParts {
  readonly runtime: Pick<RuntimeClient, 'audit'>
  /** Tells this launcher from those before it: ids are made of it. */
  readonly life: string
  /** In milliseconds since the epoch. */
  readonly now: () => number
}

/** While the reconciler is away so many wait; then the oldest make way, and their number is told. */
const mostWaiting = 50
const longestTarget = 256

/** Brings what the launcher saw into the audit trail, in order: tried again until it is taken, or refused as senseless. */
export class AuditReporter {
  readonly #parts: AuditReporterParts
  readonly #delivery: Delivery
  #waiting: LauncherAuditEvent[] = []
  #dropped = 0
  #made = 0

  constructor(parts: AuditReporterParts) {
    this.#parts = parts
    this.#delivery = new Delivery({
      waits: () => this.#waiting.length > 0,
      send: async (_, signal) => {
        this.#tellGap()
        const batch = [...this.#waiting]
        const over = await this.#send(batch, signal)
        if (over) this.#waiting = this.#waiting.filter((event) => !batch.includes(event))
        return over
      },
    })
  }

  /** `target`: what it happened to. */
  push(event: HappenedEvent, target?: string): void {
    if (this.#delivery.isClosed) return
    this.#waiting.push(this.#event({ event, ...(target === undefined ? {} : { target: cut(target) }) }))
    if (this.#waiting.length > mostWaiting) {
      this.#dropped += weightOf(this.#waiting.shift())
    }
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

  /** In the place of the oldest, which is counted with those before it. */
  #tellGap(): void {
    if (this.#dropped === 0) return
    this.#waiting[0] = this.#event({ event: 'gap', count: this.#dropped + weightOf(this.#waiting[0]) })
    this.#dropped = 0
  }

  /** Whether they need not be sent again. A refusal of the token is told by the settings; of the content, by nobody. */
  async #send(events: readonly LauncherAuditEvent[], signal: AbortSignal): Promise<boolean> {
    try {
      const status = await this.#parts.runtime.audit(events, signal)
      return (status >= 200 && status < 300) || status === 400 || status === 413
    } catch {
      return false
    }
  }

  #event(what: Pick<LauncherAuditEvent, 'event' | 'count' | 'target'>): LauncherAuditEvent {
    this.#made += 1
    const { life, now } = this.#parts
    return { id: `launcher:${life}:${this.#made}`, at: new Date(now()).toISOString(), ...what }
  }
}

/** As long as the runtime door takes it: it would refuse the others with one that is longer. */
function cut(target: string): string {
  return Array.from(target).slice(0, longestTarget).join('')
}

/** How many events one stands for. */
function weightOf(event: LauncherAuditEvent | undefined): number {
  return event?.count ?? 1
}
