import { engineError, hasStatus } from './engine-error.ts'

/** How long a call may take, in milliseconds: one that reads, and one that changes something. */
export const readWithinMs = 15_000
export const changeWithinMs = 60_000

export type Ask<T> = (signal: AbortSignal) => Promise<T>

/** One that changes something. */
export async function change(call: string, ask: Ask<unknown>, signal: AbortSignal): Promise<void> {
  await bounded(call, changeWithinMs, ask, signal)
}

/** What the engine calls "not modified" is what was asked for. */
export function unlessDone<T>(ask: Ask<T>, done = 304): Ask<T | undefined> {
  return async (signal) => {
    try {
      return await ask(signal)
    } catch (error) {
      if (hasStatus(error, done)) return undefined
      throw error
    }
  }
}

/** @throws DriverError; an AbortError where the caller gave up. */
export async function bounded<T>(
  call: string,
  withinMs: number,
  ask: Ask<T>,
  signal: AbortSignal,
): Promise<T> {
  signal.throwIfAborted()
  const limit = AbortSignal.timeout(withinMs)
  try {
    return await ask(AbortSignal.any([signal, limit]))
  } catch (error) {
    signal.throwIfAborted()
    throw engineError(error, { call, limit })
  }
}

/** Undefined where what it is about is not there. */
export async function unlessGone<T>(asking: Promise<T>): Promise<T | undefined> {
  try {
    return await asking
  } catch (error) {
    if (hasStatus(causeOf(error), 404)) return undefined
    throw error
  }
}

/** What the engine or the way to it said, below a `DriverError`. */
export function causeOf(error: unknown): unknown {
  return error instanceof Error ? error.cause : undefined
}
