import type { Condition } from './condition.ts'
import type { Phase } from './observed-state.ts'

/** The status of an object, as it is shown and as it is remembered across restarts of the reconciler. */
export interface StatusRecord {
  readonly kind: 'Instance'
  readonly name: string
  readonly phase: Phase
  readonly message?: string
  readonly conditions: readonly Condition[]
}
