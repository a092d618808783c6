import t from 'tap'
import { AuditReporter } from '../../launcher/audit-reporter.ts'
import type { LauncherAuditEvent } from '../../launcher/wire.ts'
import { until } from '../support/until.ts'

/** A door that answers as it is told and keeps what it was sent. */
function reporterOf(answer: { status: number | undefined }) {
  const sent: (readonly LauncherAuditEvent[])[] = []
  const runtime = {
    audit: async (events: readonly LauncherAuditEvent[]) => {
      if (answer.status === undefined) throw new Error('nobody answers')
      sent.push(events)
      return answer.status
    },
  }
  return { sent, reporter: new AuditReporter({ runtime, life: '1', now: () => 0 }) }
}

t.test(
  'what happened while nobody answered comes later, in order, and what was dropped is a gap',
  async (t) => {
    const answer: { status: number | undefined } = { status: undefined }
    const { sent, reporter } = reporterOf(answer)
    for (let nth = 0; nth < 60; nth += 1) reporter.push('crashed')
    reporter.push('safe-mode')
    answer.status = 200
    await until('it is taken', () => {
      reporter.reachable()
      return sent.length > 0
    })
    const [events = []] = sent
    t.equal(events.length, 50)
    t.match(events.at(0), { event: 'gap' })
    t.match(events.at(-1), { event: 'safe-mode', at: '1970-01-01T00:00:00.000Z' })
    t.equal(
      events.reduce((sum, { count = 1 }) => sum + count, 0),
      61,
    )
    t.equal(new Set(events.map(({ id }) => id)).size, 50)
    await reporter.close(100)
  },
)

t.test('what it happened to is told, no longer than the door takes it', async (t) => {
  const { sent, reporter } = reporterOf({ status: 200 })
  reporter.push('module-removed', 'node-red-x@1.0.0')
  reporter.push('module-removed', '😀'.repeat(300))
  await reporter.close(5000)
  t.strictSame(
    sent.flat().map(({ event, target = '' }) => [event, target]),
    [
      ['module-removed', 'node-red-x@1.0.0'],
      ['module-removed', '😀'.repeat(256)],
    ],
  )
})

t.test('what the door finds senseless is not sent for ever', async (t) => {
  const { sent, reporter } = reporterOf({ status: 400 })
  reporter.push('crashed')
  await reporter.close(5000)
  t.equal(sent.length, 1)
})

t.test('closing waits no longer than it is given', async (t) => {
  const { sent, reporter } = reporterOf({ status: undefined })
  reporter.push('crashed')
  await reporter.close(10)
  reporter.push('crashed')
  t.strictSame(sent, [])
})
