import type { LauncherState } from '../../../launcher/wire.ts'
import type { Clock } from '../../telemetry/clock.ts'
import { askState, command, type LauncherAddress } from './admin-client.ts'

/** Stop, start and first answer of Node-RED; an installation that it begins with comes on top. */
const withinMs = 60_000
const lookEveryMs = 2_000
const answerWithinMs = 2_000

/**
 * Has a launcher fetch its settings and run on them; settles when it does. As long as it says that it installs modules it
 * is waited for: it ends npm itself. False and errors as of `command`.
 */
export async function reload(address: LauncherAddress, clock: Clock, signal: AbortSignal): Promise<boolean> {
  const [late, over] = [new AbortController(), new AbortController()]
  void abortWhenLate(late, { address, clock }, AbortSignal.any([signal, over.signal]))
  try {
    return await command(address, { verb: 'reload', limit: late.signal }, signal)
  } finally {
    over.abort()
  }
}

async function abortWhenLate(
  late: AbortController,
  { address, clock }: { readonly address: LauncherAddress; readonly clock: Clock },
  signal: AbortSignal,
): Promise<void> {
  try {
    const now = () => clock.now().getTime()
    for (let end = now() + withinMs; now() < end;) {
      await clock.sleep(lookEveryMs, signal)
      const answer = await askState(address, answerWithinMs, signal)
      if (answer.kind === 'answered' && isInstalling(answer.state)) end = now() + withinMs
    }
    late.abort()
  } catch (error) {
    if (!signal.aborted) late.abort(error)
  }
}

function isInstalling({ phase, installing }: LauncherState): boolean {
  return phase === 'installing' || installing === true
}
