import { diagnosticsText } from './print-diagnostics.ts'
import type { Terminal } from './terminal.ts'
import type { DesiredState } from '../model/desired-state.ts'
import type { Plan } from '../model/plan.ts'
import { renderMarkdown } from '../plan/render-markdown.ts'
import { renderText } from '../plan/render-text.ts'

export type PlanOutput = 'text' | 'json' | 'markdown'

/**
 * Prints a preview. Returns the exit code: 0 nothing would change, 1 something is invalid, held back or refused, 2
 * changes are pending.
 */
export function printPreview(
  { plan, desired }: { readonly plan: Plan; readonly desired: DesiredState },
  output: PlanOutput,
  terminal: Terminal,
): number {
  terminal.err(diagnosticsText(desired.diagnostics, terminal.paintErr))
  terminal.out(rendered(plan, output, terminal))
  const invalid = desired.diagnostics.some(({ severity }) => severity === 'error')
  if (invalid || plan.problems.length > 0 || plan.refusals.length > 0) return 1
  return plan.actions.length === 0 ? 0 : 2
}

export function rendered(plan: Plan, output: PlanOutput, terminal: Terminal): string {
  if (output === 'json') return `${JSON.stringify(plan, null, 2)}\n`
  return output === 'markdown' ? renderMarkdown(plan) : renderText(plan, terminal.paintOut)
}
