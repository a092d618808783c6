import type { ActionContext } from './action-context.ts'
import { driverOf } from './driver-of.ts'
import { UnhealthyError } from './health.ts'
import type { Sighting } from '../model/observed-state.ts'
import type { PlacedInstance } from '../model/placed-instance.ts'

/**
 * How long an instance may take to run once its driver has it, and what it needs is installed, and how often the driver is
 * asked. In milliseconds.
 */
const patience = 180_000
const pollInterval = 5_000

type Context = Pick<ActionContext, 'drivers' | 'clock' | 'health'>

/**
 * Waits until the instance runs as placed. Its launcher's report says so at once; the driver is asked now and then as
 * well, for a launcher whose reports do not get through, and whether it still installs: that takes as long as it takes.
 * @throws UnhealthyError when it ended by itself, was taken away, or neither runs nor installs for too long.
 */
export async function awaitRunning(
  placed: PlacedInstance,
  context: Context,
  signal: AbortSignal,
): Promise<void> {
  const done = new AbortController()
  const either = AbortSignal.any([signal, done.signal])
  try {
    await Promise.race([
      context.health.whenRunning(placed.uid, placed.settings, either),
      pollUntilRunning(placed, context, either),
    ])
  } catch (error) {
    signal.throwIfAborted()
    throw error
  } finally {
    done.abort()
  }
}

async function pollUntilRunning(
  placed: PlacedInstance,
  context: Context,
  signal: AbortSignal,
): Promise<void> {
  const now = () => context.clock.now().getTime()
  for (let end = now() + patience; ;) {
    await context.clock.sleep(pollInterval, signal)
    const seen = await look(placed, context, signal)
    if (seen === 'gone') throw new UnhealthyError('it is gone: what the driver had made was taken away')
    if (seen !== undefined && isInstalling(seen)) end = now() + patience
    else if (seen !== undefined && runsAs(placed, seen)) return
    if (now() >= end) throw tooLong(seen?.message)
  }
}

type Seen = Extract<Sighting, { readonly kind: 'present' }>

function isInstalling({ phase, installing }: Seen): boolean {
  return phase === 'installing' || installing === true
}

function runsAs({ settings }: PlacedInstance, { phase, fields, message }: Seen): boolean {
  if (phase === 'crashed' || phase === 'safe') throw new UnhealthyError(message ?? 'Node-RED ended by itself')
  return phase === 'running' && fields['settings'] === settings
}

/** Undefined where it cannot be told now. */
async function look(
  { uid, spec }: PlacedInstance,
  context: Context,
  signal: AbortSignal,
): Promise<Seen | 'gone' | undefined> {
  try {
    const seen = (await driverOf(spec.driver, context).observe(signal)).find((one) => one.uid === uid)
    if (seen === undefined) return 'gone'
    return seen.kind === 'present' ? seen : undefined
  } catch {
    return undefined
  }
}

function tooLong(message: string | undefined): UnhealthyError {
  const what = `it did not come up as declared within ${patience / 1000} s`
  return new UnhealthyError(message === undefined ? what : `${what}: ${message}`)
}
