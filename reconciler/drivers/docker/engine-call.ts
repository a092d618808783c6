import type Docker from 'dockerode'
import type { DriverError } from '../driver.ts'
import { unlessAborted } from '../shared-work.ts'
import { engineError, hasStatus } from './engine-error.ts'

/** How long a call may take, in milliseconds: one that reads, and one that changes something. */
export const readWithinMs = 15_000
export const changeWithinMs = 60_000

/** One call of the engine. */
export type Ask<T> = (signal: AbortSignal) => Promise<T>

/** The engine's client, and how it is called. */
export interface Calls {
  readonly docker: Docker
  /**
   * A call that ends in time, whatever becomes of its connection: the client library settles neither where an answer breaks
   * off in its middle, nor where a call that waits for a connection is given up.
   * @throws DriverError; an AbortError where the caller gave up.
   */
  readonly bounded: <T>(call: string, withinMs: number, ask: Ask<T>, signal: AbortSignal) => Promise<T>
  /** One that changes something. */
  readonly change: (call: string, ask: Ask<unknown>, signal: AbortSignal) => Promise<void>
}

/** `onLost` is told of each call that the engine did not take or did not answer. */
export function createCalls(docker: Docker, onLost: () => void): Calls {
  const bounded: Calls['bounded'] = async (call, withinMs, ask, signal) => {
    signal.throwIfAborted()
    const limit = AbortSignal.timeout(withinMs)
    const either = AbortSignal.any([signal, limit])
    try {
      return await unlessAborted(ask(either), either)
    } catch (error) {
      signal.throwIfAborted()
      const failed = engineError(error, { call, limit })
      if (isLost(failed)) onLost()
      throw failed
    }
  }
  return {
    docker,
    bounded,
    change: async (call, ask, signal) => {
      await bounded(call, changeWithinMs, ask, signal)
    },
  }
}

function isLost({ reason }: DriverError): boolean {
  return reason === 'EngineHung' || reason === 'EngineUnreachable'
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
