import type { LauncherState } from '../../../launcher/wire.ts'
import type { Clock } from '../../telemetry/clock.ts'
import { command, type LauncherAddress } from './admin-client.ts'
import { isActive } from './facts.ts'
import { reload } from './reload.ts'

/** Of the command alone: what becomes of it is seen by its state. */
const startWithinMs = 10_000

/**
 * Has a live launcher fetch its settings, and start where it was stopped: also where it cannot take them over, since then it
 * has those of before. False: it does not answer as ours.
 */
export async function bringUpToDate(
  address: LauncherAddress,
  { phase }: Pick<LauncherState, 'phase'>,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<boolean> {
  const start = async () =>
    isActive(phase) || command(address, { verb: 'start', limit: AbortSignal.timeout(startWithinMs) }, signal)
  try {
    if (!(await reload(address, clock, signal))) return false
  } catch (error) {
    signal.throwIfAborted()
    await start()
    throw error
  }
  return start()
}
