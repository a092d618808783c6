/** Who of several reconcilers leads, as it stands where all of them read it. */
export interface Lease {
  /** Rises by one whenever another one comes to lead, or the same one again: the fencing counter of all that leaders write. */
  readonly term: number
  /** The name of the process that leads; `''`: it has ended its term, and nobody leads. */
  readonly holder: string
  /** When its term began. RFC 3339. */
  readonly since: string
  /** Milliseconds that others wait after the last renewal that they saw. */
  readonly duration: number
}

/** A lease as it was read, with a name that changes each time that it is written. */
export interface LeaseVersion extends Lease {
  readonly version: string
}

/** The one place where the lease stands. */
export interface LeaseRecord {
  read(signal: AbortSignal): Promise<LeaseVersion | undefined>
  /**
   * Writes it over the version that the writer read (`undefined`: where there was none). Returns what stands there then;
   * undefined where somebody else was first, and nothing was written.
   */
  write(lease: Lease, over: string | undefined, signal: AbortSignal): Promise<LeaseVersion | undefined>
}

/** How one reconciler stands to the others. */
export type Leadership =
  | { readonly kind: 'following'; readonly leader?: Pick<Lease, 'holder' | 'since' | 'term'> }
  | { readonly kind: 'leading'; readonly holder: string; readonly term: number; readonly since: string }
  /** Its term is over, and what it had begun comes to its end. */
  | { readonly kind: 'lost'; readonly term: number; readonly reason: string }

/** The term of this process as leader. */
export interface Term {
  readonly number: number
  /** Aborted when it is over, however that came. */
  readonly signal: AbortSignal
  /**
   * Before whatever only a leader may do: a process that was held still may hear late that its time is up, so the clock is
   * asked.
   * @throws TermEnded
   */
  check(): void
}

/** The term of this process is over: nothing may be done in its name. */
export class TermEnded extends Error {
  constructor(term: number, reason: string) {
    super(`term ${term} of this reconciler is over: ${reason}`)
    this.name = 'TermEnded'
  }
}
