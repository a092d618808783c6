import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'

const root = join(import.meta.dirname, '../..')

interface Schema {
  readonly $ref?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly items?: Schema
  readonly $defs?: Readonly<Record<string, Schema>>
  readonly description?: string
}

function schema(name: string): Schema {
  // the schemas are this project's own
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return JSON.parse(readFileSync(join(root, `schemas/${name}.schema.json`), 'utf8')) as Schema
}

const shared = schema('settings').$defs ?? {}

/** Every property with its path and what the schema says of it. */
function propertiesOf(part: Schema, prefix: string): readonly (readonly [string, string])[] {
  const target =
    part.$ref?.startsWith('settings') === true ? (shared[part.$ref.split('/').at(-1) ?? ''] ?? part) : part
  const own = Object.entries(target.properties ?? {}).flatMap(([name, property]) => [
    [`${prefix}${name}`, property.description ?? ''] as const,
    ...propertiesOf(property, `${prefix}${name}.`),
  ])
  const items = target.items === undefined ? [] : propertiesOf(target.items, `${prefix.slice(0, -1)}[].`)
  return [...own, ...items]
}

t.test('the pages about resources and configuration tell what the schemas say', async (t) => {
  const resources = readFileSync(join(root, 'docs/resources.md'), 'utf8')
  const configuration = readFileSync(join(root, 'docs/configuration.md'), 'utf8')
  for (const kind of ['team', 'user', 'stack', 'template', 'instance']) {
    const spec = schema(kind).properties?.['spec'] ?? {}
    const section = resources.split(/^## /m).find((part) => part.toLowerCase().startsWith(`${kind}\n`)) ?? ''
    for (const [path, text] of propertiesOf(spec, 'spec.'))
      t.ok(section.includes(`| \`${path}\` |`) && section.includes(text), `${kind} ${path}`)
  }
  for (const [path, text] of propertiesOf(schema('configuration'), ''))
    t.ok(configuration.includes(`| \`${path}\` |`) && configuration.includes(text), path)
})
