import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv2020 } from 'ajv/dist/2020.js'
import t from 'tap'
import schema from '../../schemas/plan.schema.json' with { type: 'json' }
import { renderMarkdown } from '../../reconciler/plan/render-markdown.ts'
import { renderText } from '../../reconciler/plan/render-text.ts'
import { golden } from '../support/golden.ts'
import { planCase } from '../support/plan-case.ts'

const cases = join(import.meta.dirname, '../../fixtures/plans')
const valid = new Ajv2020({ allErrors: true, allowUnionTypes: true }).compile(schema)

for (const name of readdirSync(cases))
  t.test(name, async (t) => {
    const folder = join(cases, name)
    const plan = await planCase(folder)
    golden(t, join(folder, 'plan.txt'), renderText(plan))
    golden(t, join(folder, 'plan.md'), renderMarkdown(plan))
    golden(t, join(folder, 'plan.json'), `${JSON.stringify(plan, null, 2)}\n`)
    const written: unknown = JSON.parse(readFileSync(join(folder, 'plan.json'), 'utf8'))
    t.ok(valid(written), JSON.stringify(valid.errors))
  })
