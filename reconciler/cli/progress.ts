import { diagnosticsText } from './print-diagnostics.ts'
import type { Terminal } from './terminal.ts'
import { assertNever } from '../model/assert-never.ts'
import { shortRevision } from '../model/revision.ts'
import { headText } from '../plan/describe-action.ts'
import { plainText } from '../plan/plain-text.ts'
import type { Paint } from '../plan/render-text.ts'
import type { FleetEvent, FleetStatusFeed } from '../status/fleet-status.ts'

/** Prints what happens, a line each. Returns what ends it. */
export function printProgress(feed: FleetStatusFeed, terminal: Terminal): () => void {
  let lastPlan = ''
  return feed.subscribe((event) => {
    if (event.type === 'plan') {
      // a round in the middle of an apply sees the same work once more
      const plan = `${event.plan.revision} ${event.plan.summary.headline}`
      if (plan === lastPlan) return
      lastPlan = plan
      terminal.err(diagnosticsText(feed.current().desired?.diagnostics ?? [], terminal.paintErr))
    }
    const line = progressLine(event, terminal)
    if (line !== undefined) terminal.err(`${line}\n`)
  })
}

function progressLine(event: FleetEvent, { paintErr }: Terminal): string | undefined {
  switch (event.type) {
    case 'revision':
      return revisionLine(event, paintErr)
    case 'plan':
      return planLines(event, paintErr)
    case 'action':
      return actionLine(event, paintErr)
    case 'status':
      return statusLine(event, paintErr)
    default:
      return assertNever(event)
  }
}

type EventOf<T extends FleetEvent['type']> = Extract<FleetEvent, { type: T }>

function revisionLine({ revision }: EventOf<'revision'>, paint: Paint): string {
  const { id, subject, author = 'somebody' } = revision
  const told = subject === undefined ? '' : ` "${plainText(subject)}" by ${plainText(author)}`
  return paint('bold', `revision ${shortRevision(id)}${told}`)
}

/** What is to be done; and what keeps it from being done, with the remedy. */
function planLines({ plan }: EventOf<'plan'>, paint: Paint): string | undefined {
  const { id, actions, problems, refusals, withdrawals } = plan
  const left = withdrawals === undefined ? 'nothing is applied' : 'only rights are taken away'
  const refused = refusals.map(
    ({ message, remedy }) => `${paint('red', 'refused')}: ${message}; ${left}\n  ${remedy}`,
  )
  const held = problems.map(({ message }) => `${paint('yellow', 'held')}: ${plainText(message)}`)
  const lines = [
    ...(actions.length === 0 ? [] : [`plan ${id.slice(0, 12)}  ${headText(plan)}`]),
    ...refused,
    ...held,
  ]
  return lines.length === 0 ? undefined : lines.join('\n')
}

/** Only what takes time or went wrong; the rest is told by actions. */
function statusLine({ record }: EventOf<'status'>, paint: Paint): string | undefined {
  const { name, phase, message } = record
  if (phase !== 'installing' && phase !== 'crashed' && phase !== 'safe') return undefined
  return paint(
    'dim',
    `  ${plainText(name)} is ${phase === 'safe' ? 'in safe mode' : phase}${message === undefined ? '' : `: ${plainText(message)}`}`,
  )
}

function actionLine({ stage, action, instance, message }: EventOf<'action'>, paint: Paint): string {
  const what = `${action} ${plainText(instance)}`
  if (stage === 'failed') return paint('red', `  ✗ ${what}: ${plainText(message ?? 'failed')}`)
  if (stage === 'superseded') return paint('dim', `  – ${what}: something newer is to be done`)
  return stage === 'ready' ? paint('green', `  ✓ ${what}`) : paint('dim', `  … ${what}`)
}
