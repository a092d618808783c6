import { setTimeout as wait } from 'node:timers/promises'

/** In milliseconds: how long to wait, and how long between two questions. */
interface Patience {
  readonly within?: number
  readonly every?: number
}

/**
 * Asks again and again until the answer is neither undefined nor false, and returns it.
 * @throws Error after `within` milliseconds, naming what was awaited.
 */
export async function until<T>(
  what: string,
  ask: () => Promise<T | undefined | false> | T | undefined | false,
  { within = 60_000, every = 10 }: Patience = {},
): Promise<T> {
  const end = performance.now() + within
  for (;;) {
    const answer = await ask()
    if (answer !== undefined && answer !== false) return answer
    if (performance.now() > end) throw new Error(`waited ${within} ms in vain until ${what}`)
    await wait(every)
  }
}
