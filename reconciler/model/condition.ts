export const conditionTypes = ['Ready', 'Reconciling', 'Stalled', 'Drifted'] as const
export type ConditionType = (typeof conditionTypes)[number]

/**
 * One observation about an object, after the conventions of the Kubernetes API: `since` is when `status` last changed,
 * `observedRevision` the revision it is about.
 */
export interface Condition {
  readonly type: ConditionType
  readonly status: 'True' | 'False' | 'Unknown'
  readonly reason: string
  readonly message: string
  /** RFC 3339. */
  readonly since: string
  readonly observedRevision: string
}
