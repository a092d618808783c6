import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import schema from '../../schemas/plan.schema.json' with { type: 'json' }
import { diagnosticCodes } from '../../reconciler/model/codes.ts'
import { conditionTypes } from '../../reconciler/model/condition.ts'
import { phases } from '../../reconciler/model/observed-state.ts'

const root = join(import.meta.dirname, '../..')
const read = (file: string): string => readFileSync(join(root, file), 'utf8')

/** The first group of every match in the files that a pattern names. */
function said(files: string, pattern: RegExp): ReadonlySet<string> {
  const texts = globSync(files, { cwd: root }).map(read)
  return new Set(texts.flatMap((text) => [...text.matchAll(pattern)].map(([, word = '']) => word)))
}

/** The first column of the tables below a heading. */
function tabled(text: string, heading: string): ReadonlySet<string> {
  const section = text.split(/^## /m).find((part) => part.startsWith(`${heading}\n`)) ?? ''
  return new Set([...section.matchAll(/^\| `([^`]+)` \|/gm)].map(([, word = '']) => word))
}

const sorted = (words: Iterable<string>): readonly string[] => [...words].toSorted()
const union = (file: string): ReadonlySet<string> => {
  const declaration = /readonly code:([^]*?)\n {2}(?:readonly|\/\*\*)/.exec(read(file))?.[1] ?? ''
  return new Set([...declaration.matchAll(/'([a-z-]+)'/g)].map(([, word = '']) => word))
}

t.test('errors.md names every code, and no other', async (t) => {
  const text = read('docs/errors.md')
  t.strictSame(sorted(tabled(text, 'Manifests')), sorted(Object.keys(diagnosticCodes)))
  const problems = said('reconciler/{plan,secrets}/*.ts', /code: '([a-z-]+)'/g)
  t.strictSame(sorted(tabled(text, 'Plans')), sorted(problems))
  t.strictSame(sorted(tabled(text, 'The source')), sorted(union('reconciler/source/source.ts')))
  t.strictSame(sorted(tabled(text, 'The store')), sorted(union('reconciler/store/store.ts')))
  const reasons = said(
    'reconciler/drivers/**/*.ts',
    /DriverError\(\s*'(?:transient|waiting|stalled)',\s*'(\w+)'/g,
  )
  const told = tabled(text, 'Drivers')
  for (const reason of reasons) t.ok(told.has(reason), reason)
  const sources = globSync('reconciler/drivers/**/*.ts', { cwd: root }).map(read).join('\n')
  for (const reason of told) t.ok(sources.includes(`'${reason}'`), `${reason} is still in use`)
  for (const policy of schema.properties.refusals.items.properties.policy.enum) t.match(text, `\`${policy}\``)
})

t.test('every diagnostic code is in use', async (t) => {
  const sources = globSync('reconciler/**/*.ts', { cwd: root, exclude: ['reconciler/model/codes.ts'] })
    .map(read)
    .join('\n')
  for (const code of Object.keys(diagnosticCodes)) t.ok(sources.includes(`'${code}'`), `${code} is in use`)
})

/** They are told of the fleet, not of an instance. */
const ofTheFleet: ReadonlySet<string> = new Set(['driver-unreachable', 'access-kept'])

t.test('conditions.md names every type and reason', async (t) => {
  const text = read('docs/conditions.md')
  t.strictSame(
    [...text.matchAll(/^## (\w+)/gm)].map(([, type]) => type),
    conditionTypes,
  )
  const capital = (word: string): string =>
    word.replace(/(^|-)([a-z])/g, (_all, _dash, first: string) => first.toUpperCase())
  const problems = said('reconciler/{plan,secrets}/*.ts', /code: '([a-z-]+)'/g)
  const reasons = new Set([
    ...said('reconciler/{status,control}/*.ts', /reason: '([A-Z]\w+)'/g),
    ...phases
      .filter((phase) => phase !== 'unknown')
      .map((phase) => (phase === 'safe' ? 'SafeMode' : capital(phase))),
    ...[...problems].filter((code) => !ofTheFleet.has(code)).map(capital),
  ])
  const told = new Set(conditionTypes.flatMap((type) => [...tabled(text, type)]))
  t.strictSame(sorted(told), sorted(reasons))
})

t.test('glossary.md names every reason of an action', async (t) => {
  const text = read('docs/glossary.md')
  t.strictSame(sorted(tabled(text, 'Reasons of actions')), sorted(schema.$defs.action.properties.reason.enum))
})
