import { plainText, shownValue } from './plain-text.ts'
import { assertNever } from '../model/assert-never.ts'
import type { Action, ActionKind, ActionReason, Change, Effect, Plan } from '../model/plan.ts'

/** Why, in words; a new reason does not compile until it has some. */
function reasonText(reason: ActionReason): string {
  switch (reason) {
    case 'declared':
      return 'declared in Git'
    case 'undeclared':
      return 'no longer declared in Git'
    case 'unowned':
      return "carries this fleet's id but stands in no inventory"
    case 'spec-changed':
      return 'changed in Git'
    case 'drifted':
      return 'differs from what was applied'
    case 'missing':
      return 'it has vanished'
    case 'unfinished':
      return 'its creation was cut short'
    case 'renamed':
      return 'renamed in Git'
    case 'renamed-and-changed':
      return 'renamed and changed in Git'
    default:
      return assertNever(reason)
  }
}

/** What people feel beyond what the kind of the action says by itself. */
function feltText(effect: Effect): string {
  switch (effect) {
    case 'nothing':
      return '; nothing restarts'
    case 'flows restart':
      return '; its flows restart'
    case 'replaced':
      return '; it stops while it is replaced'
    case 'gone':
      return '; its data goes with it'
    case 'created':
    case 'started':
    case 'stopped':
      return ''
    default:
      return assertNever(effect)
  }
}

/** Why an action is taken, and what it is like. */
export function whyText({ reason, effect }: Action): string {
  return `${reasonText(reason)}${feltText(effect)}`
}

/** The changes worth a line: of a new instance not those that merely say that nothing special was declared. */
export function toldChanges({ kind, target, changes }: Action): readonly Change[] {
  if (kind !== 'create') return changes
  return changes.filter(({ path, to }) => !isUnremarkable(path, to, target.name))
}

function isUnremarkable(path: string, value: Change['to'], name: string): boolean {
  if (Array.isArray(value)) return value.length === 0
  if (path === 'editor.enabled') return value === true
  if (path === 'editor.title') return value === name
  return path === 'state' && value === 'running'
}

/** What was deployed over declared flows: a line of counts, and one for each node that is named. */
export function editLines({ edited }: Action): readonly string[] {
  if (edited === undefined) return []
  const { added, changed, removed, by, at, nodes, more } = edited
  const counts = [
    ...(added === 0 ? [] : [`${added} added`]),
    ...(changed === 0 ? [] : [`${changed} changed`]),
    ...(removed === 0 ? [] : [`${removed} removed`]),
  ]
  const what = counts.length === 0 ? 'nodes in another order' : `nodes ${counts.join(', ')}`
  const who = by === undefined ? '' : ` by ${plainText(by)}`
  const when = at === undefined ? '' : ` at ${plainText(at)}`
  return [
    `deployed over it${who}${when}: ${what}`,
    ...nodes.map(nodeText),
    ...(more === 0 ? [] : [`and ${more} more`]),
  ]
}

function nodeText({ edit, type, name, id }: NonNullable<Action['edited']>['nodes'][number]): string {
  const shown = name === undefined ? `(${plainText(id)})` : JSON.stringify(plainText(name))
  return `${edit} ${plainText(type)} ${shown}`
}

/** The line that stands first; what is refused is not told as if it were done. */
export function headText({ actions, problems, refusals, summary: { headline } }: Plan): string {
  if (actions.length === 0 && problems.length === 0) return 'No changes.'
  if (refusals.length === 0) return headline
  return `Refused. If it were allowed: ${headline.charAt(0).toLowerCase()}${headline.slice(1)}`
}

/** `press (formerly old)`. */
export function targetText({ target }: Action): string {
  const name = plainText(target.name)
  return target.previously === undefined ? name : `${name} (formerly ${plainText(target.previously)})`
}

/** `env.SITE: berlin → munich`; a secret says only that it changed. */
export function changeText(change: Change, kind: ActionKind): string {
  const path = plainText(change.path)
  if (change.secret !== undefined)
    return `${path}: ${change.path.startsWith('access.') ? 'password, e-mail address or token' : 'secret'} changed`
  if (change.from === undefined)
    return `${path}: ${shownValue(change.to)}${kind === 'create' ? '' : ' (new)'}`
  if (change.to === undefined) return `${path}: ${shownValue(change.from)} → removed`
  return `${path}: ${shownValue(change.from)} → ${shownValue(change.to)}`
}
