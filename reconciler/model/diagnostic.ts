import type { DiagnosticCode } from './codes.ts'

/** Where in the source something stands. Line and column count from 1. */
export interface Place {
  readonly file: string
  readonly line?: number
  readonly column?: number
}

/** Something that a person can mend: what is wrong, where, and what to do about it. */
export interface Diagnostic {
  readonly code: DiagnosticCode
  readonly severity: 'error' | 'warning'
  readonly at?: Place
  /** The path of the value inside its document, such as `spec.env[0].name`. */
  readonly path?: string
  readonly message: string
  readonly remedy?: string
  /** The instance that is held because of it, where only one is. */
  readonly instance?: string
}
