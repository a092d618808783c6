import { unlessAborted } from './shared-work.ts'

/** One piece of work at a time for each key; others wait for their turn. */
export interface Turns {
  take(key: string, work: () => Promise<void>, signal: AbortSignal): Promise<void>
  /** Settles when no work is left. */
  settled(): Promise<void>
}

export function createTurns(): Turns {
  const last = new Map<string, Promise<void>>()
  async function forget(key: string, done: Promise<void>): Promise<void> {
    await done
    if (last.get(key) === done) last.delete(key)
  }

  return {
    async take(key, work, signal) {
      const mine = inTurn(last.get(key), work, signal)
      const done = mine.catch(() => undefined)
      last.set(key, done)
      void forget(key, done)
      // Who gives up need not wait for those before; their own turn then passes without work.
      await unlessAborted(mine, signal)
    },
    async settled() {
      await Promise.all(last.values())
    },
  }
}

async function inTurn(
  before: Promise<void> | undefined,
  work: () => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  await before
  signal.throwIfAborted()
  await work()
}
