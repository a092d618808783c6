import { Registry } from 'prom-client'
import t from 'tap'
import { createMetrics } from '../../reconciler/telemetry/metrics.ts'

t.test('what is counted is in the registry, beside the figures of the process', async (t) => {
  const registry = new Registry()
  const metrics = createMetrics(registry)
  metrics.reconciled('converged', 0.2, new Date(1_700_000_000_000))
  metrics.reconciled('failed', 2, new Date(1_800_000_000_000))
  metrics.acted('create', 'applied')
  metrics.sourceFailed('source-unreachable')
  metrics.instances(
    new Map([
      ['running', 3],
      ['crashed', 1],
    ]),
  )
  metrics.instances(new Map([['running', 4]]))
  metrics.leads(7)
  metrics.leads(undefined)
  const text = await registry.metrics()
  for (const line of [
    'weir_reconciliations_total{outcome="converged"} 1',
    'weir_reconciliations_total{outcome="failed"} 1',
    'weir_reconciliation_duration_seconds_count 2',
    'weir_actions_total{kind="create",outcome="applied"} 1',
    'weir_source_errors_total{code="source-unreachable"} 1',
    'weir_instances{phase="running"} 4',
    'weir_instances{phase="crashed"} 0',
    'weir_leader 0',
    'weir_leader_term 7',
    'weir_last_success_timestamp_seconds 1700000000',
  ])
    t.ok(text.split('\n').includes(line), line)
  t.match(text, /process_cpu_seconds_total/)
})
