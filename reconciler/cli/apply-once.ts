import type { Registry } from 'prom-client'
import { rendered, type PlanOutput } from './print-plan.ts'
import { diagnosticsText } from './print-diagnostics.ts'
import { printProgress } from './progress.ts'
import type { Terminal } from './terminal.ts'
import { compose } from '../compose.ts'
import type { Surroundings } from '../compose-drivers.ts'
import type { Config } from '../config.ts'
import type { Outcome } from '../control/controller.ts'
import { openDoors } from '../doors.ts'
import type { DeletionPolicy } from '../plan/gates.ts'

export interface ApplyRequest {
  readonly config: Config
  readonly policy: DeletionPolicy
  readonly surroundings: Surroundings
  readonly registry: Registry
  readonly terminal: Terminal
  readonly output: PlanOutput
}

/**
 * Converges once and prints what is left. The doors are open while it works, since launchers fetch their settings
 * there. Returns the exit code: 0 converged, 1 something failed or was refused.
 */
export async function applyOnce(request: ApplyRequest): Promise<number> {
  const { config, policy, surroundings, terminal } = request
  await using composition = await compose(config, policy, surroundings)
  await using _doors = await openDoors(config, composition, { ...request, log: surroundings.log })
  const stopProgress = printProgress(composition.board, terminal)
  try {
    const outcome = await composition.controller.once(surroundings.signal)
    report(outcome, composition.board.current().source.error?.message, request)
    return outcome.kind === 'converged' ? 0 : 1
  } finally {
    stopProgress()
  }
}

function report(
  { round }: Outcome,
  sourceError: string | undefined,
  { terminal, output }: ApplyRequest,
): void {
  if (sourceError !== undefined) terminal.err(`${terminal.paintErr('red', 'error')}: ${sourceError}\n`)
  if (round === undefined) return
  terminal.err(diagnosticsText(round.desired.diagnostics, terminal.paintErr))
  terminal.out(rendered(round.plan, output, terminal))
}
