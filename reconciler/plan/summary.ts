import { countPeople } from './count-people.ts'
import type { AccessChange, Action, ActionKind, Summary } from '../model/plan.ts'

type Counts = { readonly [kind in ActionKind]: number }

/** What a plan does, in numbers and in one line for people. */
export function summarise(plan: {
  readonly actions: readonly Action[]
  readonly access: readonly AccessChange[]
  readonly unchanged: number
  readonly held: number
}): Summary {
  const count = (kind: ActionKind): number => plan.actions.filter((action) => action.kind === kind).length
  const counts: Counts = {
    create: count('create'),
    update: count('update'),
    restart: count('restart'),
    replace: count('replace'),
    start: count('start'),
    stop: count('stop'),
    delete: count('delete'),
    adopt: count('adopt'),
    rename: count('rename'),
  }
  const { losing, gaining } = countPeople(plan.access)
  const { unchanged, held } = plan
  return {
    ...counts,
    unchanged,
    held,
    losesAccess: losing,
    gainsAccess: gaining,
    headline: headline(counts, losing, held),
  }
}

/** The line that stands first: what people will feel. */
function headline(counts: Counts, losing: number, held: number): string {
  const restarts = counts.restart + counts.replace
  const felt = [
    restarts === 0 ? 'No instance restarts' : counted(restarts, 'instance restarts', 'instances restart'),
    counted(counts.create, 'is created', 'are created'),
    counted(counts.delete, 'is deleted', 'are deleted'),
    ...(counts.start > 0 ? [counted(counts.start, 'starts', 'start')] : []),
    ...(counts.stop > 0 ? [counted(counts.stop, 'stops', 'stop')] : []),
  ]
  const quiet = counts.update + counts.adopt + counts.rename
  return [
    `${felt.join(', ')}; ${losing === 0 ? 'nobody loses access' : counted(losing, 'person loses access', 'people lose access')}.`,
    ...(quiet > 0 ? [`${counted(quiet, 'changes', 'change')} without a restart.`] : []),
    ...(held > 0 ? [`${counted(held, 'is held back', 'are held back')}.`] : []),
  ].join(' ')
}

/** `none is created`, `1 is created`, `2 are created`. */
function counted(count: number, one: string, many: string): string {
  if (count === 0) return `none ${one}`
  return `${count} ${count === 1 ? one : many}`
}
