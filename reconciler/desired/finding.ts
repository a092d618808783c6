import type { DiagnosticCode } from '../model/codes.ts'

export type Path = readonly (string | number)[]

/** A diagnostic before its place is known: lines and columns are looked up only for what is reported. */
export interface Finding {
  readonly code: DiagnosticCode
  readonly severity: 'error' | 'warning'
  readonly file?: string
  /** Which document of the file, from 0. */
  readonly document?: number
  readonly path?: Path
  /** Known already, from a syntax error. */
  readonly position?: { readonly line: number; readonly column: number }
  readonly message: string
  readonly remedy?: string
  readonly instance?: string
}
