/** Which settings were asked for last: work on any others is in vain, and ends. */
export class Wanted {
  #digest: string | undefined
  #over = new AbortController()

  /** Aborted, with an Error that says why, once these are no longer what is wanted. */
  get signal(): AbortSignal {
    return this.#over.signal
  }

  /** These are wanted from now on. */
  want(digest: string): AbortSignal {
    if (digest !== this.#digest) this.end('Newer settings have come')
    this.#digest = digest
    return this.signal
  }

  /** None are wanted any more, for a reason that a person is told. */
  end(reason: string): void {
    this.#over.abort(new Error(reason))
    this.#over = new AbortController()
    this.#digest = undefined
  }
}
