import * as fc from 'fast-check'
import t from 'tap'
import type { Action, Plan } from '../../reconciler/model/plan.ts'
import { renderMarkdown } from '../../reconciler/plan/render-markdown.ts'
import { renderText } from '../../reconciler/plan/render-text.ts'
import { summarise } from '../../reconciler/plan/summary.ts'

/** What a forge takes as one comment, in characters. */
const commentLimit = 65_536

const hostile = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    '```\n</details>',
    '`@everyone`',
    '``',
    '` `',
    '[x](https://example.com)',
    '![x](https://example.com/x.png)',
    '<img src=x onerror=alert(1)>',
    '@team/owners',
    '|',
    '\\`',
    '\u001b[2J\u001b]0;owned\u0007',
    '\u202egnp.exe',
    '\r\n\r\n# Approved',
    '',
    ' ',
    'x'.repeat(1_000_000),
  ),
)

const action: fc.Arbitrary<Action> = fc.record({
  kind: fc.constantFrom('create' as const, 'restart' as const, 'delete' as const),
  target: fc.record({ name: hostile, previously: hostile }),
  cause: fc.constant('change' as const),
  reason: fc.constantFrom('declared' as const, 'renamed' as const),
  effect: fc.constantFrom('flows restart' as const, 'nothing' as const),
  changes: fc.array(
    fc.record({ path: hostile, cause: fc.constant('drift' as const), from: hostile, to: hostile }),
    { maxLength: 3 },
  ),
})

function planOf(actions: Action[], text: string): Plan {
  const access = [{ user: text, instance: text, from: text }]
  return {
    apiVersion: 'weir/v1',
    kind: 'Plan',
    id: 'a'.repeat(64),
    revision: text,
    complete: true,
    summary: summarise({ actions, access, unchanged: 0, held: 0 }),
    actions,
    access,
    refusals: [{ policy: 'delete-all', message: text, remedy: text }],
    problems: [{ code: text, message: text, target: text }],
  }
}

const anyPlan = fc
  .tuple(fc.array(action, { maxLength: 4 }), hostile)
  .map(([actions, text]) => planOf(actions, text))

t.test('Markdown shows what is strange and is not moved by it', async () => {
  fc.assert(
    fc.property(anyPlan, (plan) => {
      const text = renderMarkdown(plan)
      // outside code spans stand our own words alone
      const own = text.replace(/`[^`\n]+`/g, '').replace(/<\/?sub>/g, '')
      return (
        text.length < commentLimit &&
        !/[`@<[\]\\#]|https?:/.test(own) &&
        !/\p{Cc}/u.test(own.replaceAll('\n', ''))
      )
    }),
    { numRuns: 300 },
  )
})

t.test('text moves no cursor and begins no line of its own', async () => {
  fc.assert(
    fc.property(anyPlan, (plan) => {
      const text = renderText(plan)
      return !/[^\P{Cc}\n]|\u202e/u.test(text) && !/^# Approved/m.test(text)
    }),
    { numRuns: 300 },
  )
})

t.test('a plan of ten thousand instances is still a comment', async (t) => {
  const actions = Array.from({ length: 10_000 }, (_, index): Action => ({
    kind: 'restart',
    target: { name: `press-${index}` },
    cause: 'change',
    reason: 'spec-changed',
    effect: 'flows restart',
    changes: [{ path: 'env.SITE', cause: 'change', from: 'a', to: 'b' }],
  }))
  const text = renderMarkdown(planOf(actions, 'x'))
  t.ok(text.length < commentLimit)
  t.match(text, /^\*\*Refused\. If it were allowed: 10000 instances restart/)
  t.match(text, /further lines are left out/)
})
