import { changeText, editLines, headText, targetText, toldChanges, whyText } from './describe-action.ts'
import { plainText } from './plain-text.ts'
import type { Action, Plan } from '../model/plan.ts'
import { shortRevision } from '../model/revision.ts'

/** Colours of a terminal, or none. */
export type Paint = (style: 'green' | 'yellow' | 'red' | 'cyan' | 'dim' | 'bold', text: string) => string

export const noPaint: Paint = (_style, text) => text

/** How a kind of action is marked. */
const marks = {
  create: ['+', 'green'],
  delete: ['-', 'red'],
  replace: ['!', 'yellow'],
  restart: ['~', 'yellow'],
  update: ['~', 'cyan'],
  start: ['>', 'green'],
  stop: ['|', 'yellow'],
  adopt: ['=', 'cyan'],
  rename: ['=', 'cyan'],
} as const

/** A plan for a person at a terminal; the first line says what people will feel. */
export function renderText(plan: Plan, paint: Paint = noPaint): string {
  const refused = plan.refusals.length > 0
  return [
    paint('bold', headText(plan)),
    paint(
      'dim',
      `plan ${plan.id.slice(0, 12)}, revision ${plainText(shortRevision(plan.revision))}${plan.complete ? '' : ', incomplete'}`,
    ),
    ...section(
      plan.refusals.map(({ message, remedy }) =>
        paint('red', `Refused: ${plainText(message)}; ${plainText(remedy)}`),
      ),
    ),
    ...section(
      (plan.withdrawals ?? []).flatMap((action) => actionLines(action, paint)),
      'Done all the same',
    ),
    ...section(
      plan.actions.flatMap((action) => actionLines(action, paint)),
      refused ? 'Refused, not done' : undefined,
    ),
    ...section(
      plan.access.map(
        (change) =>
          `  ${plainText(change.user)} on ${plainText(change.instance)}: ${roleText(change.from)} → ${roleText(change.to)}`,
      ),
      refused ? 'Access, if it were allowed' : 'Access',
    ),
    ...section(
      plan.problems.map(({ code, message }) =>
        paint('yellow', `  ${plainText(code)}: ${plainText(message)}`),
      ),
      'Held back',
    ),
    '',
  ].join('\n')
}

function roleText(role: string | undefined): string {
  return role === undefined ? 'no access' : plainText(role)
}

function actionLines(action: Action, paint: Paint): readonly string[] {
  const [mark, colour] = marks[action.kind]
  return [
    `${paint(colour, `${mark} ${action.kind}`)} ${paint('bold', targetText(action))}  ${paint('dim', whyText(action))}`,
    ...toldChanges(action).map(
      (change) =>
        `    ${changeText(change, action.kind)}${change.cause === 'drift' ? paint('dim', '  (drift)') : ''}`,
    ),
    ...editLines(action).map((line) => `      ${line}`),
  ]
}

function section(lines: readonly string[], title?: string): readonly string[] {
  if (lines.length === 0) return []
  return ['', ...(title === undefined ? [] : [`${title}:`]), ...lines]
}
