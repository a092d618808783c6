import type { ActionContext } from './action-context.ts'
import { driverOf } from './driver-of.ts'
import { UnhealthyError } from './health.ts'
import type { PlacedInstance } from '../model/placed-instance.ts'

/** How long an instance may take to run once its driver has it, and how often the driver is asked. In milliseconds. */
const patience = 180_000
const pollInterval = 5_000

/**
 * Waits until the instance runs as placed. Its launcher's report says so at once; the driver is asked now and then as
 * well, for a launcher whose reports do not get through.
 */
export async function awaitRunning(
  placed: PlacedInstance,
  context: ActionContext,
  signal: AbortSignal,
): Promise<void> {
  const done = new AbortController()
  const limited = AbortSignal.any([signal, done.signal, AbortSignal.timeout(patience)])
  try {
    await Promise.race([
      context.health.whenRunning(placed.uid, placed.settings, limited),
      pollUntilRunning(placed, context, limited),
    ])
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof UnhealthyError) throw error
    throw new UnhealthyError(`it did not come up within ${patience / 1000} s`)
  } finally {
    done.abort()
  }
}

async function pollUntilRunning(
  placed: PlacedInstance,
  context: ActionContext,
  signal: AbortSignal,
): Promise<void> {
  const driver = driverOf(placed.spec.driver, context)
  for (;;) {
    await context.clock.sleep(pollInterval, signal)
    const seen = (await driver.observe(signal)).find(({ uid }) => uid === placed.uid)
    if (seen?.kind !== 'present') continue
    if (seen.phase === 'running' && seen.fields['settings'] === placed.settings) return
    if (seen.phase === 'crashed' || seen.phase === 'safe')
      throw new UnhealthyError(seen.message ?? 'Node-RED ended by itself')
  }
}
