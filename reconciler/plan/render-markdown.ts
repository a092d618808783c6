import { changeText, editLines, headText, targetText, toldChanges, whyText } from './describe-action.ts'
import { cut, plainText } from './plain-text.ts'
import type { Action, Plan } from '../model/plan.ts'
import { shortRevision } from '../model/revision.ts'

/** What the forges take as one comment, less some room for what a pipeline adds. In characters. */
const maxLength = 60_000

/** A plan as a comment on a pull request. Names and values cannot end a code span, make a link or mention anybody. */
export function renderMarkdown(plan: Plan): string {
  const blocks = [
    `**${headText(plan)}**`,
    ...plan.refusals.map(({ message, remedy }) => `> **Refused:** ${code(message)}; ${code(remedy)}`),
    ...(plan.withdrawals === undefined ? [] : ['Done all the same:', ...plan.withdrawals.map(actionBlock)]),
    ...(plan.problems.length === 0
      ? []
      : [
          list(
            'Held back',
            plan.problems.map(({ code: name, message }) => `${code(name)} ${code(message)}`),
          ),
        ]),
    ...(plan.refusals.length === 0 ? [] : ['Refused, not done:']),
    ...(plan.access.length === 0 ? [] : [accessTable(plan)]),
    ...plan.actions.map(actionBlock),
  ]
  const foot = `<sub>Plan ${code(plan.id.slice(0, 12))} at revision ${code(shortRevision(plan.revision))}${plan.complete ? '' : ', incomplete'}</sub>`
  return `${fit(blocks, foot)}\n`
}

function actionBlock(action: Action): string {
  const title = `**${action.kind}** ${code(targetText(action))}: ${whyText(action)}`
  const lines = toldChanges(action).map(
    (change) => `- ${code(changeText(change, action.kind))}${change.cause === 'drift' ? ' (drift)' : ''}`,
  )
  const edits = editLines(action).map((line) => `  - ${code(line)}`)
  return [title, ...(lines.length === 0 ? [] : ['', ...lines, ...edits])].join('\n')
}

function accessTable(plan: Plan): string {
  const rows = plan.access.map(
    ({ user, instance, from, to }) =>
      `| ${code(user)} | ${code(instance)} | ${from === undefined ? '-' : code(from)} | ${to === undefined ? '-' : code(to)} |`,
  )
  return ['| person | instance | now | afterwards |', '| --- | --- | --- | --- |', ...rows].join('\n')
}

function list(title: string, items: readonly string[]): string {
  return [`${title}:`, '', ...items.map((item) => `- ${item}`)].join('\n')
}

/**
 * A code span: inside it nothing is markup and nobody is mentioned (CommonMark 6.1). Backticks, which could end it, and
 * pipes, which could end a table cell, are replaced.
 */
function code(text: string): string {
  const safe = plainText(text).replaceAll('`', 'ˋ').replaceAll('|', '¦').trim()
  return `\`${safe === '' ? ' ' : cut(safe, 300)}\``
}

/** Cut between lines, so that what is left is whole; what was cut is counted. */
function fit(blocks: readonly string[], foot: string): string {
  const lines = blocks.join('\n\n').split('\n')
  let length = foot.length + 200
  const end = lines.findIndex((line) => {
    length += line.length + 1
    return length > maxLength
  })
  const kept = end < 0 ? lines : lines.slice(0, end)
  const left = lines.slice(kept.length).filter((line) => line !== '').length
  const note = left === 0 ? [] : [`_${left} further lines are left out here; \`--output text\` shows all._`]
  return [kept.join('\n'), ...note, foot].join('\n\n')
}
