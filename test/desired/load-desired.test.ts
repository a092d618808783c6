import t from 'tap'
import { createDesiredLoader } from '../../reconciler/desired/load-desired.ts'
import { createValidators, type Validator } from '../../reconciler/desired/validators.ts'
import { pathInside, parseFlows } from '../../reconciler/desired/flows-file.ts'
import type { DesiredState } from '../../reconciler/model/desired-state.ts'
import type { DriverName } from '../../reconciler/model/resource.ts'
import {
  hugeDocument,
  manyAliases,
  manyInstances,
  manyKeys,
  nestedBrackets,
  nestedMappings,
  repeatedKey,
} from '../support/hostile-manifests.ts'
import { digestOf } from '../../reconciler/model/digest.ts'
import { snapshotOf } from '../support/memory-files.ts'

const validators = createValidators()
const signal = AbortSignal.timeout(170_000)

function load(files: Readonly<Record<string, string | Buffer>>): Promise<DesiredState> {
  return createDesiredLoader({ validators, defaultDriver: 'localfs' }).load(snapshotOf(files), signal)
}

const codes = ({ diagnostics }: DesiredState): readonly string[] => diagnostics.map(({ code }) => code)

const resource = (kind: string, name: string, spec = '{}', more = ''): string =>
  `apiVersion: weir/v1\nkind: ${kind}\nmetadata: { name: ${name}${more} }\nspec: ${spec}\n`
const file = (...documents: string[]): string => documents.join('---\n')

const platform = file(
  resource('Stack', 'node-red-5', '{ nodeRed: 5.0.7 }'),
  resource('Stack', 'old', '{ nodeRed: 5.0.6, node: 22 }'),
  resource(
    'Template',
    'standard',
    '{ stack: node-red-5, resources: { memory: 256Mi, cpu: 500m }, modules: { a: 1.0.0, b: 1.0.0 }, env: [{ name: A, value: "1" }, { name: B, value: "2" }], endpoints: { access: members } }',
  ),
  resource('User', 'alice', '{ admin: true }'),
  resource('User', 'constructor'),
  resource(
    'Team',
    'assembly',
    '{ members: [{ user: constructor, role: owner }], defaults: { template: standard } }',
  ),
)

t.test('an instance is its stack, template and team folded together', async (t) => {
  const desired = await load({
    'platform.yaml': platform,
    'press.yml': resource(
      'Instance',
      'constructor',
      '{ team: assembly, resources: { memory: 512Mi }, modules: { b: 2.0.0, constructor: 1.0.0 }, env: [{ name: B, value: "3" }, { name: constructor, valueFrom: { secret: key } }], hostname: A.example.com, hostnames: [b.example.com, a.example.com] }',
    ),
    '.github/workflow.yaml': 'on: push',
    'README.md': '# fleet',
  })
  t.strictSame(codes(desired), ['not-applied'], 'localfs says that it does not limit CPU')
  // by digest, since a comparison of objects trips over a field called constructor
  const expected = {
    name: 'constructor',
    team: 'assembly',
    driver: 'localfs',
    state: 'running',
    stack: { nodeRed: '5.0.7', node: 24 },
    hostnames: ['a.example.com', 'b.example.com'],
    resources: { memory: '512Mi', cpu: '500m' },
    modules: { a: '1.0.0', b: '2.0.0', constructor: '1.0.0' },
    editor: { enabled: true, title: 'constructor' },
    endpoints: { access: 'members' },
    env: { A: { value: '1' }, B: { value: '3' }, constructor: { secret: 'key' } },
    access: { constructor: { role: 'owner' }, alice: { role: 'admin' } },
  }
  t.equal(digestOf(desired.instances.get('constructor') ?? {}), digestOf(expected))
})

t.test('the instance wins', async (t) => {
  const spec =
    '{ team: assembly, stack: old, endpoints: { access: public }, state: stopped, resources: { cpu: 1000m } }'
  const { instances } = await load({ 'a.yaml': file(platform, resource('Instance', 'press', spec)) })
  t.match(instances.get('press'), {
    stack: { nodeRed: '5.0.6', node: 22 },
    endpoints: { access: 'public' },
    state: 'stopped',
  })
})

t.test('a mistake in a template or team holds those who use it, and is told once', async (t) => {
  const template = resource(
    'Template',
    'bad',
    '{ stack: node-red-5, env: [{ name: A, value: "1" }, { name: A, value: "2" }] }',
  )
  const desired = await load({
    'a.yaml': file(platform, template, resource('Instance', 'good', '{ team: assembly }')),
    'b.yaml': file(
      resource('Instance', 'one', '{ team: assembly, template: bad }'),
      resource('Instance', 'two', '{ team: assembly, template: bad }'),
    ),
  })
  t.strictSame(
    codes(desired).filter((code) => code !== 'not-applied'),
    ['duplicate-env'],
  )
  t.strictSame([...desired.held.keys()], ['one', 'two'])
  t.strictSame([...desired.instances.keys()], ['good'])
  t.ok(desired.complete)
})

t.test('blobs are parsed once, and an unchanged snapshot is not looked at', async (t) => {
  let validated = 0
  const counting = new Map(
    [...validators].map(([kind, check]): [typeof kind, Validator] => [
      kind,
      (value) => {
        validated++
        return check(value)
      },
    ]),
  )
  const loader = createDesiredLoader({ validators: counting, defaultDriver: 'localfs' })
  const files = { 'a.yaml': platform, 'b.yaml': resource('Instance', 'press', '{ team: assembly }') }
  const snapshot = snapshotOf(files)
  const first = await loader.load(snapshot, signal)
  t.equal(validated, 7)
  t.equal(await loader.load(snapshot, signal), first, 'the same snapshot gives the same object')
  const changed = { ...files, 'b.yaml': resource('Instance', 'press', '{ team: assembly, state: stopped }') }
  t.match((await loader.load(snapshotOf(changed), signal)).instances.get('press'), { state: 'stopped' })
  t.equal(validated, 8, 'only what changed')
  await loader.load(snapshotOf({ ...files, 'b.yaml': '', 'c.yaml': files['b.yaml'] }), signal)
  t.equal(validated, 9, 'what the last revision did not hold is read anew')
})

t.test('flows', async (t) => {
  for (const path of [
    '/etc/passwd',
    '~/x',
    '..',
    '../x',
    'a/../../x',
    '%2e%2e/x',
    'a%2Fb',
    'a\\b',
    'a\0b',
    'a\nb',
  ])
    t.equal(pathInside('a.yaml', path), undefined, JSON.stringify(path))
  t.equal(pathInside('teams/a.yaml', '../flows/x.json'), 'flows/x.json')
  t.equal(pathInside('teams/a.yaml', './x.json'), 'teams/x.json')
  t.equal(pathInside('teams/a.yaml', '../../x.json'), undefined)
  const digest = (text: string): unknown => parseFlows(Buffer.from(text))
  t.match(digest('[{"id":"a","type":"tab"}]'), {
    digest: Reflect.get(parseFlows(Buffer.from('[ {"type":"tab",\n"id":"a"} ]')), 'digest'),
  })
  for (const text of ['', '{}', 'null', '[1]', '[null]', '[{"id":1,"type":"x"}]', '[{"id":"a"}]'])
    t.match(digest(text), { kind: 'invalid' }, text)
})

t.test('a path is relative to the file that names it', async (t) => {
  const desired = await load({
    'platform.yaml': platform,
    'templates/t.yaml': resource('Template', 'flowing', '{ stack: node-red-5, flows: { path: flows.json } }'),
    'templates/flows.json': '[{"id":"a","type":"tab"}]',
    'teams/press.yaml': resource('Instance', 'press', '{ team: assembly, template: flowing }'),
  })
  const flows = desired.instances.get('press')?.flows
  t.equal(flows?.path, 'templates/flows.json')
  t.equal(desired.flows.get(flows?.digest ?? ''), '[{"id":"a","type":"tab"}]')
})

t.test('nothing to be read declares nothing, and nothing may be deleted', async (t) => {
  for (const files of [{}, { 'README.md': 'x' }, { 'a.yaml': '' }, { 'a.yaml': '# nothing' }]) {
    const desired = await load(files)
    t.strictSame(codes(desired), 'a.yaml' in files ? ['no-resources', 'empty-file'] : ['no-resources'])
    t.notOk(desired.complete)
  }
  const skipped = ['symlink-outside', 'not-a-file', 'file-too-large'] as const
  for (const reason of skipped) {
    const snapshot = { ...snapshotOf({ 'a.yaml': platform }), skipped: [{ path: 'b.yaml', reason }] }
    const desired = await createDesiredLoader({ validators, defaultDriver: 'localfs' }).load(snapshot, signal)
    t.notOk(desired.complete, reason)
    t.match(desired.diagnostics, [{ at: { file: 'b.yaml' } }], reason)
  }
  for (const reason of ['symlink-outside', 'not-a-file'] as const) {
    const folder = { ...snapshotOf({ 'a.yaml': platform }), skipped: [{ path: 'teams', reason }] }
    const linked = await createDesiredLoader({ validators, defaultDriver: 'localfs' }).load(folder, signal)
    t.notOk(linked.complete, 'it may have been a folder of manifests')
  }
})

t.test('a user whose document becomes invalid or illegible stays as last known', async (t) => {
  const root = (spec: string): string => resource('User', 'root', spec)
  const loader = createDesiredLoader({ validators, defaultDriver: 'localfs' })
  const at = async (text: string) =>
    loader.load(snapshotOf({ 'a.yaml': platform, 'root.yaml': text }), signal)
  const before = await at(root('{ admin: true }'))
  t.ok(before.users.has('root'))
  for (const broken of [root('{ admin: true, nickname: boss }'), 'kind: [', '']) {
    const desired = await at(broken)
    t.same(desired.users.get('root')?.spec, { admin: true }, broken)
    t.equal(desired.invalidUsers.size, 0)
  }
  const gone = await loader.load(snapshotOf({ 'a.yaml': platform }), signal)
  t.notOk(gone.users.has('root'), 'once everything is legible, who is not declared is gone')
  const fresh = await load({ 'a.yaml': platform, 'root.yaml': root('{ nickname: boss }') })
  t.same([...fresh.invalidUsers], ['root'])
})

t.test('one file that cannot be read keeps no other from being read', async (t) => {
  const many = '---\na: b\n'.repeat(150_000)
  const desired = await load({ 'a.yaml': platform, 'many.yaml': many })
  t.ok(desired.teams.has('assembly'))
  t.notOk(desired.complete)
})

t.test('a former name is protected while its instance is held', async (t) => {
  const twice = file(
    resource('Instance', 'new', '{ team: assembly }', ', previously: old'),
    resource('Instance', 'new', '{ team: assembly }'),
  )
  for (const instances of [
    resource('Instance', 'new', '{ team: nowhere }', ', previously: old'),
    resource('Instance', 'new', '{ port: high }', ', previously: old'),
    twice,
  ]) {
    const desired = await load({ 'a.yaml': file(platform, instances) })
    t.strictSame([...desired.held.keys()], ['new'])
    t.strictSame([...desired.renames], [['new', 'old']])
  }
  for (const name of ['Press-1', 'press_1', 'préss', '"1"-', ''])
    t.notOk(
      (
        await load({
          'a.yaml': file(platform, resource('Instance', JSON.stringify(name), '{ team: assembly }')),
        })
      ).complete,
      `${name} may have been another`,
    )
})

t.test('every field mutated: no exception, and the neighbour stays', async (t) => {
  const whole = {
    apiVersion: 'weir/v1',
    kind: 'Instance',
    metadata: { name: 'press', labels: { a: 'b' }, previously: 'old' },
    spec: {
      team: 'assembly',
      template: 'standard',
      stack: 'old',
      driver: 'localfs',
      state: 'running',
      hostname: 'a.example.com',
      hostnames: ['b.example.com'],
      port: 12_500,
      resources: { memory: '1Gi', cpu: '1' },
      env: [
        { name: 'A', value: 'b' },
        { name: 'B', valueFrom: { secret: 's' } },
      ],
      modules: { a: '1.0.0' },
      flows: { path: 'flows.json' },
      editor: { enabled: true, title: 'x', timeZone: 'UTC' },
      endpoints: { access: 'public' },
    },
  }
  const values: readonly unknown[] = [
    null,
    true,
    0,
    -1,
    Number.MAX_VALUE,
    1e21,
    '',
    'x'.repeat(100_000),
    {},
    [],
    [null],
    { constructor: 1 },
    '\u0000',
    'NaN',
    '__proto__',
  ]
  const neighbour = file(platform, resource('Instance', 'neighbour', '{ team: assembly }'))
  let count = 0
  for (const path of pathsIn(whole))
    for (const value of values) {
      const text = JSON.stringify(withValue(whole, path, value))
      const desired = await load({ 'a.yaml': neighbour, 'b.yaml': text, 'flows.json': '[]' })
      count++
      if (!desired.instances.has('neighbour')) t.fail(`${path.join('.')} = ${JSON.stringify(value)}`)
      if (!desired.instances.has('press') && desired.diagnostics.length < 2)
        t.fail(`silent: ${path.join('.')}`)
    }
  t.ok(count > 400)
  t.notOk('polluted' in {})
})

function pathsIn(value: unknown, path: readonly string[] = []): readonly (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [path]
  return [
    ...(path.length === 0 ? [] : [path]),
    ...Object.entries(value).flatMap(([key, inner]) => pathsIn(inner, [...path, key])),
  ]
}

function withValue(whole: object, [step = '', ...rest]: readonly string[], value: unknown): object {
  const inner: unknown = Reflect.get(whole, step)
  const changed =
    rest.length === 0 || typeof inner !== 'object' || inner === null ? value : withValue(inner, rest, value)
  return Array.isArray(whole)
    ? whole.map((item: unknown, index) => (String(index) === step ? changed : item))
    : { ...whole, [step]: changed }
}

const bombs: Readonly<Record<string, () => string>> = {
  'a document of 10 MB': hugeDocument,
  '100,000 brackets': nestedBrackets,
  '100,000 brackets that close': () => nestedBrackets(100_000, true),
  'deep block mappings': nestedMappings,
  'explicit keys in one another': () => '? '.repeat(100_000),
  'tagged explicit keys in one another': () => '? !!x '.repeat(10_000),
  'many aliases': manyAliases,
  'very many keys': () => manyKeys(100_000),
  'one key again and again': repeatedKey,
  'an instance of very many fields': () => `${resource('Instance', 'big')}${manyKeys(60_000)}`,
}
for (const [name, text] of Object.entries(bombs))
  t.test(`${name} ends, with an error`, async (t) => {
    const before = process.memoryUsage().rss
    const desired = await load({
      'a.yaml': file(platform, resource('Instance', 'press', '{ team: assembly }')),
      'b.yaml': text(),
    })
    t.ok(desired.instances.has('press'))
    t.ok(desired.diagnostics.some(({ at, severity }) => at?.file === 'b.yaml' && severity === 'error'))
    t.ok(desired.diagnostics.length < 100)
    t.ok(process.memoryUsage().rss - before < 500 * 2 ** 20)
  })

t.test('50,000 instances in files of a size that is read', async (t) => {
  const text = manyInstances(50_000).replaceAll('team: assembly', 'team: assembly')
  const documents = text.split('---\n')
  const files = Object.fromEntries(
    Array.from({ length: 10 }, (_, n) => [
      `i${n}.yaml`,
      documents.slice(n * 5_000, (n + 1) * 5_000).join('---\n'),
    ]),
  )
  const desired = await load({ 'a.yaml': platform, ...files })
  t.equal(desired.instances.size, 50_000)
})

t.test('brackets in text are no nesting', async (t) => {
  const env = Array.from({ length: 100 }, (_, n) => `{ name: V${n}, value: "[0, ${n})" }`).join(', ')
  const desired = await load({
    'a.yaml': file(platform, resource('Instance', 'press', `{ team: assembly, env: [${env}] }`)),
  })
  t.ok(desired.instances.has('press'))
})

t.test('a driver that is not configured holds what names it, where it is named', async (t) => {
  const team = resource('Team', 'line', '{ members: [] }')
  const stack = resource('Stack', 'node-red-5', '{ nodeRed: 5.0.7 }')
  const template = resource('Template', 'boxed', '{ stack: node-red-5, driver: docker }')
  const one = (name: string, spec: string) => resource('Instance', name, `{ team: line, ${spec} }`)
  const files = {
    'platform.yaml': file(team, stack, template),
    'own.yaml': one('own', 'stack: node-red-5, driver: docker'),
    'of-template.yaml': one('of-template', 'template: boxed'),
    'wins.yaml': one('wins', 'template: boxed, driver: localfs'),
  }
  const loadWith = async (drivers: readonly DriverName[]) =>
    createDesiredLoader({ validators, defaultDriver: 'localfs', drivers: new Set(drivers) }).load(
      snapshotOf(files),
      signal,
    )
  const held = await loadWith(['localfs'])
  t.strictSame([...held.instances.keys()], ['wins'])
  t.strictSame([...held.held.keys()].toSorted(), ['of-template', 'own'])
  t.match(
    held.diagnostics.map(({ code, message, remedy, at }) => ({ code, message, remedy, at })),
    [
      {
        message: 'the docker driver, which Template "boxed" names, is not configured',
        at: 'of-template.yaml',
      },
      { message: 'the docker driver is not configured', at: 'own.yaml' },
    ].map(({ message, at }) => ({
      code: 'driver-not-configured',
      message,
      remedy: /section `docker` to the configuration/,
      at: { file: at, line: 4 },
    })),
  )
  t.equal((await loadWith(['localfs', 'docker'])).held.size, 0)
  t.equal((await load(files)).held.size, 0, 'nothing is held where nobody knows')
})
