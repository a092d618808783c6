import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { diagnosticsAnnotations, diagnosticsText } from '../../reconciler/cli/print-diagnostics.ts'
import { createDesiredLoader } from '../../reconciler/desired/load-desired.ts'
import { createValidators } from '../../reconciler/desired/validators.ts'
import type { DesiredState } from '../../reconciler/model/desired-state.ts'
import { noPaint } from '../../reconciler/plan/render-text.ts'
import { golden } from '../support/golden.ts'
import { snapshotOf } from '../support/memory-files.ts'

const folder = join(import.meta.dirname, '../../fixtures/manifests')
const validators = createValidators()
const surroundings = readFileSync(join(folder, 'surroundings.yaml'))

async function load(files: Readonly<Record<string, string | Buffer>>): Promise<DesiredState> {
  const loader = createDesiredLoader({ validators, defaultDriver: 'localfs' })
  return loader.load(snapshotOf({ 'surroundings.yaml': surroundings, ...files }), AbortSignal.timeout(60_000))
}

function told(desired: DesiredState): string {
  const { diagnostics, held, complete, instances, renames } = desired
  const list = (entries: Iterable<string>): string => [...entries].join(', ') || '-'
  return [
    diagnosticsText(diagnostics, noPaint),
    `paths: ${list(diagnostics.flatMap(({ path }) => path ?? []))}`,
    `complete: ${complete}`,
    `instances: ${list(instances.keys())}`,
    `renames: ${list([...renames].map(([name, former]) => `${former} to ${name}`))}`,
    ...[...held].map(([name, why]) => `held: ${JSON.stringify(name)}: ${JSON.stringify(why)}`),
    '',
  ].join('\n')
}

const valid = new Set(['byte-order-mark.yaml'])

for (const name of readdirSync(join(folder, 'invalid')).filter((file) => file.endsWith('.yaml')))
  t.test(name, async (t) => {
    const desired = await load({ [name]: readFileSync(join(folder, 'invalid', name)) })
    golden(t, join(folder, 'invalid', name.replace(/yaml$/, 'txt')), told(desired))
    t.ok(desired.instances.has('neighbour'), 'the neighbour is still declared')
    t.equal(desired.diagnostics.length === 0, valid.has(name))
    for (const { at } of desired.diagnostics) t.match(at?.file, name, 'every diagnostic names the file')
    t.notMatch(told(desired), /[^\P{Cc}\n]/u, 'nothing that moves a cursor')
    t.notMatch(diagnosticsAnnotations(desired.diagnostics, ''), /\n(?!::|$)/, 'one line per annotation')
    t.notOk('polluted' in {}, 'Object.prototype stays clean')
  })

t.test('flows files', async (t) => {
  const files = readdirSync(join(folder, 'invalid-flows'))
  const instance = (file: string): string =>
    `apiVersion: weir/v1\nkind: Instance\nmetadata: { name: ${file.replace('.json', '')} }\nspec: { team: neighbours, flows: { path: ${file} } }\n`
  const desired = await load(
    Object.fromEntries(
      files.flatMap((file) => [
        [file, readFileSync(join(folder, 'invalid-flows', file))],
        [file.replace('.json', '.yaml'), instance(file)],
      ]),
    ),
  )
  golden(t, join(folder, 'invalid-flows/diagnostics.txt'), told(desired))
})
