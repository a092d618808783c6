import { diagnosticsAnnotations, diagnosticsText } from './print-diagnostics.ts'
import type { Terminal } from './terminal.ts'
import type { DesiredState } from '../model/desired-state.ts'
import { shortRevision } from '../model/revision.ts'

export type ValidateOutput = 'text' | 'json' | 'github'

/** Prints everything that is wrong, at once. Returns the exit code: 0 valid, 2 invalid. */
export function printValidation(
  desired: DesiredState,
  { output, sourcePath }: { readonly output: ValidateOutput; readonly sourcePath: string },
  terminal: Terminal,
): number {
  const { diagnostics } = desired
  const errors = diagnostics.filter(({ severity }) => severity === 'error').length
  if (output === 'json')
    terminal.out(
      `${JSON.stringify({ revision: desired.revision.id, valid: errors === 0, diagnostics }, null, 2)}\n`,
    )
  else if (output === 'github') terminal.out(diagnosticsAnnotations(diagnostics, sourcePath))
  else terminal.out(`${diagnosticsText(diagnostics, terminal.paintOut)}${verdict(desired, errors)}\n`)
  return errors === 0 ? 0 : 2
}

function verdict({ revision, teams, users, instances, diagnostics }: DesiredState, errors: number): string {
  const at = `revision ${shortRevision(revision.id)}`
  const warnings = diagnostics.length - errors
  const told = warnings === 0 ? '' : `, ${counted(warnings, 'warning')}`
  if (errors > 0) return `${counted(errors, 'error')}${told} at ${at}`
  const contents = [
    counted(teams.size, 'team'),
    counted(users.size, 'user'),
    counted(instances.size, 'instance'),
  ]
  return `Valid: ${contents.join(', ')}${told} at ${at}`
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
