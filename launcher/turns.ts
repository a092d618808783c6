/** Does one piece of work after the other, whatever came of the one before. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve()

  take<T>(work: () => Promise<T>): Promise<T> {
    const turn = afterwards(this.#last, work)
    this.#last = turn
    return turn
  }

  /** Settles when nothing is under way. */
  async idle(): Promise<void> {
    await this.#last.catch(() => undefined)
  }
}

async function afterwards<T>(before: Promise<unknown>, work: () => Promise<T>): Promise<T> {
  await before.catch(() => undefined)
  return work()
}
