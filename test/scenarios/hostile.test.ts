import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { ChildProcess } from 'node:child_process'
import t from 'tap'
import { greetingFlows, textAt } from '../support/answering-flow.ts'
import { instanceManifest, setUpFleet, type FleetUnderTest } from '../support/fleet.ts'
import { createRepository } from '../support/git-repository.ts'
import { hugeDocument, nestedBrackets } from '../support/hostile-manifests.ts'
import { runReconcile } from '../support/program.ts'
import { until } from '../support/until.ts'

const fixtures = join(import.meta.dirname, '../../fixtures')

interface BadInput {
  /** File to content; a link is written `-> target`. */
  readonly files: Readonly<Record<string, string | Uint8Array>>
  /** What the error says of the place, as `validate` prints it. */
  readonly says: RegExp
}

const fixture = async (name: string) => readFile(join(fixtures, 'manifests/invalid', `${name}.yaml`))
const withFlows = (path: string) => instanceManifest('bad', `flows: { path: ${JSON.stringify(path)} }`)

/** Each stands in `bad/` beside healthy manifests. */
async function badInputs(): Promise<ReadonlyMap<string, BadInput>> {
  const named = async (name: string, says: RegExp): Promise<[string, BadInput]> => [
    name,
    { files: { 'bad.yaml': await fixture(name) }, says },
  ]
  const text = (name: string, content: string, says: RegExp): [string, BadInput] => [
    name,
    { files: { 'bad.yaml': content }, says },
  ]
  const file = /bad\/bad\.yaml(?::\d+){0,2}: error: /
  const place = /bad\/bad\.yaml:\d+:\d+: error: /
  return new Map([
    await named('syntax-error', place),
    await named('unknown-field', place),
    await named('wrong-type', place),
    await named('missing-reference', place),
    await named('names-differ-in-case', place),
    await named('alias-bomb', file),
    await named('merge-key-bomb', file),
    await named('prototype-keys', place),
    await named('invalid-utf8', file),
    await named('byte-order-mark-inside', place),
    await named('terminal-escape', file),
    await named('javascript-function-tag', place),
    text('two of one name', instanceManifest('bad').concat('---\n', instanceManifest('bad')), place),
    text(
      'a port used twice',
      ['bad', 'worse'].map((name) => instanceManifest(name, 'port: 19999')).join('---\n'),
      place,
    ),
    text('ten megabytes', hugeDocument(), file),
    text('nested brackets', nestedBrackets(), file),
    text('closed nested brackets', nestedBrackets(100_000, true), file),
    text('flows outside', withFlows('../../etc/passwd'), place),
    ['a link outside', { files: { 'bad.yaml': '-> /etc/passwd' }, says: file }],
    [
      'flows that are a link outside',
      {
        files: { 'bad.yaml': withFlows('flows.json'), 'flows.json': '-> ../../../../../../../etc/passwd' },
        says: file,
      },
    ],
    [
      'flows that are no array',
      {
        files: { 'bad.yaml': withFlows('flows.json'), 'flows.json': '{ "nodes": [] }' },
        says: /bad\/\S+.*: error: /,
      },
    ],
  ])
}

async function put({ repository }: FleetUnderTest, { files }: BadInput): Promise<void> {
  for (const [name, content] of Object.entries(files))
    if (typeof content === 'string' && content.startsWith('-> '))
      await repository.symlink(`bad/${name}`, content.slice(3))
    else await repository.write(`bad/${name}`, content)
}

/** Linux only. In bytes. */
async function residentMemory({ pid }: ChildProcess): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024
}

const healthy = (site: string) =>
  instanceManifest('healthy', `env: [ { name: SITE, value: ${site} } ], flows: { path: site.json }`)

/** These come together with a change of the healthy instance, which costs a restart of its flows each. */
const withChange = new Set(['syntax-error', 'a port used twice', 'closed nested brackets', 'flows outside'])

t.test('bad input beside a healthy instance', { timeout: 280_000 }, async (t) => {
  const fleet = await setUpFleet(t)
  const { repository } = fleet
  await repository.write('site.json', greetingFlows('SITE'))
  await repository.write('healthy.yaml', healthy('berlin'))
  await repository.commit('One healthy instance')
  const server = await fleet.serve()
  const { url, uid } = await fleet.ready('healthy')
  const greets = async (expected: string) =>
    until(`it says ${expected}`, async () => (await textAt(`${String(url)}hello`)) === expected)
  await greets('berlin')
  let pids = fleet.nodeReds()

  for (const [name, input] of await badInputs()) {
    await t.test(name, async (t) => {
      const changes = withChange.has(name)
      await put(fleet, input)
      if (changes) await repository.write('healthy.yaml', healthy(`with-${name.replaceAll(' ', '-')}`))
      const revision = await repository.commit(name)

      const [validated, previewed] = await Promise.all([fleet.run('validate'), fleet.run('--dry-run')])
      t.match(validated, { code: 2, stdout: input.says })
      t.match(previewed, { code: 1, stderr: input.says })
      for (const output of [validated.stdout, previewed.stdout, previewed.stderr]) {
        t.notMatch(output, /root:|\n\s+at .*\.[jt]s:/, 'neither content from outside nor a stack')
        t.notMatch(output, /[^\P{Cc}\n]/u, 'no control characters')
        t.ok(output.length < 100_000, 'of a length that can be read')
      }

      if (changes) await greets(`with-${name.replaceAll(' ', '-')}`)
      await until('the plan is of this revision', async () =>
        JSON.stringify(await fleet.api('plan'))?.includes(revision),
      )
      t.match(await fleet.ready('healthy'), { uid }, 'it is the same instance')
      t.equal((await fleet.launchers()).length, 1)
      if (!changes) t.same(fleet.nodeReds(), pids, 'which was left alone')
      pids = fleet.nodeReds()
      await repository.remove('bad')
    })
  }
  t.equal(server.exitCode, null, 'serve lives')
  t.ok((await residentMemory(server)) < 1024 ** 3, 'and has stayed below a gigabyte')
})

t.test('hostile arguments', async (t) => {
  const root = t.testdir({ folder: { 'a.yaml': instanceManifest('a') } })
  const repository = await createRepository(join(root, 'repository'))
  await repository.write('a.yaml', instanceManifest('a'))
  await repository.commit('One instance')
  const marker = join(root, 'MARKER')
  const run = `touch\${IFS}${marker}`
  const cases = [
    ['--source=-'],
    [`--source=--upload-pack=${run}`],
    [`--source=ext::sh -c touch% ${marker}`],
    [`--source=EXT::touch\${IFS}${marker}`],
    ['--source=file:///etc'],
    ['--source=http://host.example/repository.git'],
    [`--source=ssh://-oProxyCommand=${run}/repository`],
    ['--source=repository', `--branch=--upload-pack=${run}`],
    ['--source=repository', '--branch=-'],
    ['--source=repository', '--branch=absent'],
    ['--source=repository', '--path=nowhere'],
    ['--source=repository', '--path=../..'],
    ['--source=repository', '--path=-x'],
    ['--source=folder', '--path=nowhere'],
    ['--source=folder', '--path=..'],
    ['--source=folder', '--branch=main'],
    ['--source=nowhere'],
  ]
  const attempt = async (args: readonly string[]) => {
    const result = await runReconcile(['validate', ...args, '--data', join(root, 'data')], { cwd: root })
    t.match(result, { code: 1, stdout: '', stderr: /^error: / }, args.join(' '))
    t.notMatch(result.stderr, /\n\s+at .*\.ts/, 'without a stack')
  }
  while (cases.length > 0) await Promise.all(cases.splice(0, 4).map(attempt))
  t.equal(await stat(marker).catch(() => undefined), undefined, 'nothing ran')
})

t.test('an empty repository and a missing sub-path change nothing', async (t) => {
  const fleet = await setUpFleet(t)
  const before = await fleet.run('--dry-run')
  t.match(before, { code: 1, stdout: '', stderr: /^error: / }, 'a repository without a commit')
  await fleet.repository.write('a.yaml', instanceManifest('a'))
  await fleet.repository.commit('One instance')
  t.match(await fleet.run('--dry-run', '--path', 'nowhere'), { code: 1, stderr: /nowhere/ })
  await fleet.repository.remove('a.yaml')
  await fleet.repository.remove('platform.yaml')
  await fleet.repository.commit('Empty')
  const emptied = await fleet.run('--dry-run')
  t.match(emptied, { code: 1, stderr: /no-resources/ })
})
