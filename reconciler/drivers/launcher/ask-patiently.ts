import type { Clock } from '../../telemetry/clock.ts'
import { askState, type AdminAnswer, type LauncherAddress } from './admin-client.ts'

const retryMs = 20

/**
 * `GET /state`, again and again while nobody listens there: one that was just started does not listen yet. `lives` tells
 * whether it makes sense to wait. In milliseconds: how long at most, and how long for one answer.
 */
export async function askPatiently(
  address: LauncherAddress,
  {
    clock,
    withinMs,
    lives,
  }: { readonly clock: Clock; readonly withinMs: number; readonly lives: () => Promise<boolean> },
  signal: AbortSignal,
): Promise<AdminAnswer> {
  const end = clock.now().getTime() + withinMs
  for (;;) {
    const answer = await askState(address, withinMs, signal)
    if (answer.kind !== 'refused' || clock.now().getTime() > end || !(await lives())) return answer
    await clock.sleep(retryMs, signal)
  }
}
