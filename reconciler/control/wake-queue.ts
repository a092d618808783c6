/** What woke the loop; all of them only say: look again. */
export type WakeCause = 'start' | 'source' | 'schedule' | 'driver' | 'settled' | 'store' | 'retry'

/** Collects wake-ups while a round is under way, so that any number of them ends in one more round. */
export class WakeQueue {
  #pending = new Set<WakeCause>()
  #notify: (() => void) | undefined

  wake(cause: WakeCause): void {
    this.#pending.add(cause)
    this.#notify?.()
  }

  /**
   * The causes since the last call; waits for the first one.
   * @throws AbortError when the signal is aborted.
   */
  async next(signal: AbortSignal): Promise<ReadonlySet<WakeCause>> {
    signal.throwIfAborted()
    if (this.#pending.size === 0) await this.#woken(signal)
    const causes = this.#pending
    this.#pending = new Set()
    return causes
  }

  async #woken(signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const abort = (): void => reject(signal.reason)
    this.#notify = resolve
    signal.addEventListener('abort', abort, { once: true })
    try {
      await promise
    } finally {
      this.#notify = undefined
      signal.removeEventListener('abort', abort)
    }
  }
}
