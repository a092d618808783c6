import { isDeepStrictEqual } from 'node:util'
import type { ActionContext } from './action-context.ts'
import { driverOf } from './driver-of.ts'
import type { Driver } from '../drivers/driver.ts'
import type { Applied } from '../model/inventory.ts'
import type { PlacedInstance } from '../model/placed-instance.ts'
import type { Action } from '../model/plan.ts'

/**
 * Has what runs end the rights that an action takes away, before anything else is done: a stack or an image may take long,
 * or never come. False where there are none, or that could not be done: then bringing it about ends them, or says what is
 * wrong.
 */
export async function endRights(
  { changes }: Pick<Action, 'changes'>,
  { uid, spec }: PlacedInstance,
  context: Pick<ActionContext, 'drivers'>,
  signal: AbortSignal,
): Promise<boolean> {
  if (!changes.some(({ path }) => path.startsWith('access.'))) return false
  try {
    return await driverOf(spec.driver, context).withdraw(uid, signal)
  } catch {
    signal.throwIfAborted()
    return false
  }
}

/** Whether bringing an instance about would bring more than its declaration: the configuration has changed since. */
export function isReconfigured(
  applied: Applied | undefined,
  { configured }: Pick<Driver, 'configured'>,
): applied is Applied {
  return applied?.configured !== undefined && !isDeepStrictEqual(applied.configured, configured)
}
