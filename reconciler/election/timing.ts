/** Milliseconds. `renewWithin` stays below `duration`: what a leader had begun comes to its end between the two. */
export interface Timing {
  /** So long others wait after the last renewal that they saw. */
  readonly duration: number
  /** A leader that could not renew for so long does nothing more. */
  readonly renewWithin: number
  /** Between two renewals, and between two looks at the lease. */
  readonly every: number
}

/**
 * As in client-go, where they are 15 s, 10 s and 2 s; shorter, so that another one leads within 15 s of a renewal that was
 * the last: one look to see it, the duration, one look to find it over, and the start of its work.
 * https://pkg.go.dev/k8s.io/client-go/tools/leaderelection#LeaderElectionConfig
 */
export const timing: Timing = { duration: 10_000, renewWithin: 7_000, every: 1_000 }
