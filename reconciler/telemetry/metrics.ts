import { collectDefaultMetrics, Counter, Gauge, Histogram, type Registry } from 'prom-client'
import { phases, type Phase } from '../model/observed-state.ts'
import type { ActionKind } from '../model/plan.ts'

export type RoundOutcome = 'converged' | 'failed' | 'refused'

/** What the reconciler counts. No label names a user, an instance or a secret. */
export interface Metrics {
  /** A round has ended, after so many seconds, at the given time. */
  reconciled(outcome: RoundOutcome, seconds: number, at: Date): void
  acted(kind: ActionKind, outcome: 'applied' | 'failed'): void
  /** How many instances are in which phase; phases that are not named have none. */
  instances(counts: ReadonlyMap<Phase, number>): void
  /** The source could not be read; `code` is that of the SourceError. */
  sourceFailed(code: string): void
  /** The term in which this reconciler leads; undefined where it does not. */
  leads(term: number | undefined): void
}

/** Enters the reconciler's metrics, and those of its process, into a registry of the caller. */
export function createMetrics(registry: Registry): Metrics {
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  const rounds = new Counter({
    name: 'weir_reconciliations_total',
    help: 'Rounds of the loop by outcome.',
    labelNames: ['outcome'] as const,
    registers,
  })
  const durations = new Histogram({
    name: 'weir_reconciliation_duration_seconds',
    help: 'How long a round took.',
    buckets: [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300],
    registers,
  })
  const actions = new Counter({
    name: 'weir_actions_total',
    help: 'Steps of plans by kind and outcome.',
    labelNames: ['kind', 'outcome'] as const,
    registers,
  })
  const instances = new Gauge({
    name: 'weir_instances',
    help: 'Instances by phase.',
    labelNames: ['phase'] as const,
    registers,
  })
  const sourceErrors = new Counter({
    name: 'weir_source_errors_total',
    help: 'Failures to read the source by code.',
    labelNames: ['code'] as const,
    registers,
  })
  const lastSuccess = new Gauge({
    name: 'weir_last_success_timestamp_seconds',
    help: 'When the last round converged (Unix time).',
    registers,
  })
  const leads = leadershipGauges(registers)
  return {
    leads,
    reconciled(outcome, seconds, at) {
      rounds.inc({ outcome })
      durations.observe(seconds)
      if (outcome === 'converged') lastSuccess.set(at.getTime() / 1000)
    },
    acted: (kind, outcome) => actions.inc({ kind, outcome }),
    instances: (counts) => {
      for (const phase of phases) instances.set({ phase }, counts.get(phase) ?? 0)
    },
    sourceFailed: (code) => sourceErrors.inc({ code }),
  }
}

function leadershipGauges(registers: Registry[]): Metrics['leads'] {
  const leading = new Gauge({
    name: 'weir_leader',
    help: '1 where this reconciler leads, 0 where it follows another one.',
    registers,
  })
  const term = new Gauge({
    name: 'weir_leader_term',
    help: 'The last term in which this reconciler led.',
    registers,
  })
  return (number) => {
    leading.set(number === undefined ? 0 : 1)
    if (number !== undefined) term.set(number)
  }
}
