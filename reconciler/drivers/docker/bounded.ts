import type { DriverError } from '../driver.ts'
import { unlessAborted } from '../shared-work.ts'
import { engineError } from './engine-error.ts'

/** One call of the engine. */
export type Ask<T> = (signal: AbortSignal) => Promise<T>

/**
 * A call that ends in time, whatever becomes of its connection: the client library settles neither where an answer breaks
 * off in its middle, nor where a call that waits for a connection is given up.
 * @throws DriverError; an AbortError where the caller gave up.
 */
export type Bounded = <T>(call: string, withinMs: number, ask: Ask<T>, signal: AbortSignal) => Promise<T>

/** `onLost` is told of each call that the engine did not take or did not answer. */
export function createBounded(onLost: () => void): Bounded {
  return async (call, withinMs, ask, signal) => {
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
}

function isLost({ reason }: DriverError): boolean {
  return reason === 'EngineHung' || reason === 'EngineUnreachable'
}
