import { TermEnded, type LeaseVersion, type Term } from '../model/lease.ts'
import { momentOf, type ElectionDeps, type Moment, type Won } from './campaign.ts'

/**
 * A term that was won, renewed until it ends or cannot be renewed in time. It is over `renewWithin` after the last renewal that
 * worked was asked for, which is before any other may take the lease.
 */
export class HeldTerm implements Term {
  readonly #deps: ElectionDeps
  readonly #ended = new AbortController()
  readonly #renewing: Promise<void>
  #lease: LeaseVersion
  #asked: Moment
  #reason = 'it was ended'

  constructor(deps: ElectionDeps, { lease, asked }: Won) {
    this.#deps = deps
    this.#lease = lease
    this.#asked = asked
    this.#renewing = this.#keep()
  }

  get number(): number {
    return this.#lease.term
  }

  get since(): string {
    return this.#lease.since
  }

  get signal(): AbortSignal {
    return this.#ended.signal
  }

  /** Why it is over. */
  get reason(): string {
    return this.#reason
  }

  check(): void {
    if (this.#left() <= 0) this.#lose('it could not be renewed in time')
    if (this.signal.aborted) throw new TermEnded(this.number, this.#reason)
  }

  get holder(): string {
    return this.#lease.holder
  }

  /** Ends it. To be called when whatever was done in its name has ended: others may lead at once. */
  async end(signal: AbortSignal): Promise<void> {
    this.#lose(this.#reason)
    await this.#renewing
    // where this fails the others wait as long as they would for one that was killed
    await this.#giveBack(signal).catch(() => undefined)
  }

  async #giveBack(signal: AbortSignal): Promise<void> {
    // read anew: the answer to a last renewal may not have been waited for
    const found = await this.#deps.record.read(signal)
    if (found === undefined || !this.#isOwn(found)) return
    const { version, ...lease } = found
    await this.#deps.record.write({ ...lease, holder: '' }, version, signal)
  }

  #isOwn({ holder, term }: LeaseVersion): boolean {
    return holder === this.#lease.holder && term === this.#lease.term
  }

  async #keep(): Promise<void> {
    const { clock, timing } = this.#deps
    const late = this.#watchClock()
    try {
      for (;;) {
        await clock.sleep(timing.every, this.signal)
        await this.#renew()
      }
    } catch (error) {
      if (!this.signal.aborted) this.#lose(error instanceof Error ? error.message : String(error))
    }
    await late
  }

  /** Tells the end in time also where a renewal hangs. */
  async #watchClock(): Promise<void> {
    try {
      for (let left = this.#left(); left > 0; left = this.#left())
        await this.#deps.clock.sleep(left, this.signal)
      this.#lose('it could not be renewed in time')
    } catch {
      // it is over already
    }
  }

  async #renew(): Promise<void> {
    const { record, clock, isOutage } = this.#deps
    const { version, ...lease } = this.#lease
    const asked = momentOf(clock)
    try {
      const written = await record.write(lease, version, this.signal)
      if (written === undefined) return await this.#lookAgain()
      this.#lease = written
      this.#asked = asked
    } catch (error) {
      if (!isOutage(error)) throw error
    }
  }

  /** A renewal whose answer was lost is found where it was written; its time counts from the next one. */
  async #lookAgain(): Promise<void> {
    const found = await this.#deps.record.read(this.signal)
    if (found !== undefined && this.#isOwn(found)) this.#lease = found
    else
      this.#lose(
        `the lease was taken${found === undefined ? ' away' : ` by ${found.holder || 'another one'}`}`,
      )
  }

  #lose(reason: string): void {
    if (this.signal.aborted) return
    this.#reason = reason
    this.#ended.abort(new TermEnded(this.number, reason))
  }

  /** Milliseconds. The time of day is asked as well: the other clock stands still while the machine sleeps. */
  #left(): number {
    const { elapsed, time } = momentOf(this.#deps.clock)
    const passed = Math.max(elapsed - this.#asked.elapsed, time - this.#asked.time)
    return this.#deps.timing.renewWithin - passed
  }
}
