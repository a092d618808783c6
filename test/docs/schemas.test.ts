import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'

const root = join(import.meta.dirname, '../..')

interface Schema {
  readonly $ref?: string
  readonly type?: string
  readonly enum?: readonly string[]
  readonly default?: unknown
  readonly description?: string
  readonly required?: readonly string[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly additionalProperties?: Schema | boolean
  readonly items?: Schema
  readonly $defs?: Readonly<Record<string, Schema>>
  readonly allOf?: readonly Schema[]
  readonly then?: Schema
}

function schema(file: string): Schema {
  // the schemas are this project's own
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return JSON.parse(readFileSync(join(root, 'schemas', file), 'utf8')) as Schema
}

const files = readdirSync(join(root, 'schemas')).filter((name) => name.endsWith('.schema.json'))
const kinds = schema('weir.schema.json').properties?.['kind']?.enum ?? []
const nameReference = /(^|metadata\.schema\.json)#\/\$defs\/name$/

/** Every property that a schema declares, wherever in it. What stands below `if` asks and declares nothing. */
function declaredIn(part: Schema, place: string): readonly (readonly [string, Schema])[] {
  const { properties = {}, $defs = {}, items, additionalProperties: others, allOf = [], then } = part
  const own = Object.entries(properties).map(([name, property]) => [`${place}.${name}`, property] as const)
  const inner = [
    ...own,
    ...Object.entries($defs).map(([name, definition]) => [`${place}#${name}`, definition] as const),
    ...[items, typeof others === 'object' ? others : undefined, ...allOf, then].flatMap((each) =>
      each === undefined ? [] : [[`${place}[]`, each] as const],
    ),
  ]
  return [...own, ...inner.flatMap(([where, each]) => declaredIn(each, where))]
}

/** The schema that a reference into the shared settings stands for. */
function settled(part: Schema): Schema {
  const [, name = ''] = /^settings\.schema\.json#\/\$defs\/(\w+)$/.exec(part.$ref ?? '') ?? []
  return schema('settings.schema.json').$defs?.[name] ?? part
}

function formOf(part: Schema): string {
  if (nameReference.test(part.$ref ?? '')) return 'name'
  return part.enum?.map((value) => `\`${value}\``).join(' or ') ?? part.type ?? ''
}

function defaultOf({ default: value }: Schema): string {
  if (value === undefined) return ''
  return `\`${typeof value === 'string' ? value : JSON.stringify(value).replaceAll(',', ', ')}\``
}

/** The rows of a table that tells every property: path, form, default and meaning. */
function rowsOf(part: Schema, prefix: string): readonly (readonly string[])[] {
  const { properties = {}, required = [], items } = part
  const own = Object.entries(properties).flatMap(([name, property]) => {
    const target = settled(property)
    const path = `${prefix}${name}`
    const meaning = `${property.description}${required.includes(name) ? ' Required.' : ''}`
    return [
      [`\`${path}\``, formOf(target), defaultOf(target), meaning],
      ...rowsOf(target, `${path}.`),
    ] as const
  })
  return [...own, ...(items === undefined ? [] : rowsOf(items, `${prefix.slice(0, -1)}[].`))]
}

/** The rows of the tables of fields in a text, below their heads. */
function fieldRows(text: string): readonly (readonly string[])[] {
  const tables = text.matchAll(/^\| field \|.*\n\| --- \|.*\n((?:\|.*\n)*)/gm)
  return [...tables].flatMap(([, body = '']) =>
    body
      .trimEnd()
      .split('\n')
      .map((line) =>
        line
          .slice(1, -1)
          .split('|')
          .map((cell) => cell.trim()),
      ),
  )
}

t.test('every property of every schema says what it means', async (t) => {
  t.ok(files.includes('weir.schema.json'))
  for (const file of files) {
    const properties = declaredIn(schema(file), file)
    t.ok(properties.length > 0, file)
    for (const [place, { description = '' }] of properties) t.match(description, /\S/, place)
  }
})

t.test('resources.md has the rows that the schemas make, and no other', async (t) => {
  const page = readFileSync(join(root, 'docs/resources.md'), 'utf8')
  const sections = page
    .split(/^## /m)
    .filter((section) => fieldRows(section).length > 0)
    .map((section) => [section.slice(0, section.indexOf('\n')), fieldRows(section)] as const)
  const expected = [
    ['metadata', rowsOf(schema('metadata.schema.json'), '')] as const,
    ...kinds.map((kind) => {
      const spec = schema(`${kind.toLowerCase()}.schema.json`).properties?.['spec'] ?? {}
      return [kind, rowsOf(spec, 'spec.')] as const
    }),
  ]
  t.strictSame(
    sections,
    // what an absent field stands for depends on team and template, and is told in words
    expected.map(([heading, rows]) => [
      heading,
      rows.map(([path, form, , meaning]) => [path, form, meaning]),
    ]),
  )
})

t.test('configuration.md has the rows that its schema makes, and no other', async (t) => {
  const page = readFileSync(join(root, 'docs/configuration.md'), 'utf8')
  t.strictSame(fieldRows(page), rowsOf(schema('configuration.schema.json'), ''))
})
