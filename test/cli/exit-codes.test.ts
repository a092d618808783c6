import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { instanceManifest, platform } from '../support/fleet.ts'
import { createRepository } from '../support/git-repository.ts'
import { runReconcile, treeOf } from '../support/program.ts'

/** A folder that is not a repository, with the platform and whatever else is given. */
async function folder(root: string, files: Readonly<Record<string, string>>): Promise<string> {
  const source = join(root, 'source')
  await mkdir(source, { recursive: true })
  for (const [name, text] of Object.entries({ 'platform.yaml': platform, ...files }))
    await writeFile(join(source, name), text)
  return source
}

const broken = 'apiVersion: weir/v1\nkind: Team\nmetadata: { name: press }\nspec: { member: [] }\n'

t.test('validate', async (t) => {
  const good = await folder(t.testdir({}), { 'one.yaml': instanceManifest('one') })
  const valid = await runReconcile(['validate', '--source', good])
  t.match(valid, { code: 0, stdout: /^Valid: 1 team, 2 users, 1 instance/, stderr: '' })

  await writeFile(join(good, 'press.yaml'), broken)
  const invalid = await runReconcile(['validate', '--source', good])
  t.match(invalid, { code: 2, stdout: /press\.yaml:4:\d+: error: .*member/ })
  t.match(invalid.stdout, /1 error at revision/)

  const json = await runReconcile(['validate', '--source', good, '--output', 'json'])
  t.equal(json.code, 2)
  t.match(JSON.parse(json.stdout), {
    valid: false,
    diagnostics: [{ severity: 'error', at: { file: 'press.yaml', line: 4 } }],
  })
  const github = await runReconcile(['validate', '--source', good, '--output', 'github'])
  t.match(github, { code: 2, stdout: /^::error file=press\.yaml,line=4,col=\d+,title=[a-z-]+::/ })

  const absent = await runReconcile(['validate', '--source', join(good, 'nowhere')])
  t.match(absent, { code: 1, stdout: '', stderr: /^error: / })
  t.notMatch(absent.stderr, /\n\s+at /, 'what a person can mend has no stack')
})

t.test('a driver that the configuration does not have is missed before anything is applied', async (t) => {
  const root = t.testdir({ 'weir.yaml': 'source: { url: source }\n' })
  const source = await folder(root, { 'one.yaml': instanceManifest('one', 'driver: docker') })
  const config = ['--config', join(root, 'weir.yaml')]
  const said = /one\.yaml:4:\d+: error: the docker driver is not configured[^]*section `docker`/
  t.match(await runReconcile(['validate', ...config]), { code: 2, stdout: said })
  const planned = await runReconcile(['--dry-run', ...config])
  t.match(planned.stderr, said)
  t.match(planned.stdout, /"one" is not created: the docker driver is not configured/)
  t.match(await runReconcile(['validate', '--source', source]), { code: 0 }, 'manifests alone may name any')
})

t.test('a dry run tells and writes nothing', async (t) => {
  const root = t.testdir({})
  const source = await folder(root, { 'one.yaml': instanceManifest('one') })
  const data = join(root, 'data')
  const args = ['--dry-run', '--source', source, '--data', data]

  const pending = await runReconcile(args)
  t.match(pending, { code: 2, stdout: /create/, stderr: '' })
  t.same(await readdir(root), ['source'], 'not even the data folder is made')

  const markdown = await runReconcile([...args, '--output', 'markdown'])
  t.match(markdown, { code: 2, stdout: /one/ })

  await writeFile(join(source, 'press.yaml'), broken)
  const partly = await runReconcile(args)
  t.match(partly, { code: 1, stdout: /create/, stderr: /press\.yaml:4:\d+: error/ })

  await writeFile(join(source, 'press.yaml'), 'kind: [')
  const less = /access-kept: "press\.yaml" cannot be read, and what was declared before is not known here/
  t.match(await runReconcile(args), { code: 1, stdout: less }, 'a reconciler that runs knows more')

  for (const name of await readdir(source)) if (name !== 'platform.yaml') await rm(join(source, name))
  t.match(await runReconcile(args), { code: 0 }, 'nothing to do')
  t.same(await readdir(root), ['source'])
})

t.test('a first dry run finds the secrets that are there', async (t) => {
  const root = t.testdir({ secrets: { 'api-key': 'canary' } })
  const spec = 'env: [ { name: KEY, valueFrom: { secret: api-key } } ]'
  const source = await folder(root, { 'one.yaml': instanceManifest('one', spec) })
  const config = join(root, 'weir.yaml')
  await writeFile(config, `source: { url: ${source} }\nsecrets: secrets\ndata: data\n`)
  const found = await runReconcile(['--dry-run', '--config', config])
  t.match(found, { code: 2, stdout: /env\.KEY: secret api-key/, stderr: '' })
  await rm(join(root, 'secrets/api-key'))
  t.match(await runReconcile(['--dry-run', '--config', config]), { stderr: /needs the secret "api-key"/ })
})

t.test('a dry run of a repository keeps nothing but its copy of it', async (t) => {
  const root = t.testdir({})
  const repository = await createRepository(join(root, 'repository'))
  await repository.write('platform.yaml', platform)
  await repository.write('one.yaml', instanceManifest('one'))
  await repository.commit('One instance')
  const before = await treeOf(repository.directory)
  const result = await runReconcile([
    '--dry-run',
    '--source',
    repository.directory,
    '--data',
    join(root, 'data'),
  ])
  t.match(result, { code: 2, stdout: /create/ })
  t.same(await readdir(join(root, 'data')), ['sources'], 'the cache is what it reads from')
  t.same(await treeOf(repository.directory), before)
})

t.test('what is not understood', async (t) => {
  const source = await folder(t.testdir({}), {})
  for (const args of [
    ['--dryrun'],
    ['validate', '--outptu', 'json'],
    ['validate', '--output', 'markdown'],
    ['--dry-run', '--output', 'github'],
    ['frobnicate'],
    ['--allow-deletions=xyz', '--dry-run'],
    ['logs'],
  ]) {
    const result = await runReconcile([...args], { cwd: source })
    t.match(result, { code: 1, stdout: '', stderr: /^error: / }, args.join(' '))
  }
  t.same(await readdir(source), ['platform.yaml'], 'and it does nothing')
  t.match(await runReconcile(['--help']), { code: 0, stdout: /Usage: reconcile/, stderr: '' })
  t.match(await runReconcile(['--version']), { code: 0, stdout: /^\d+\.\d+\.\d+/, stderr: '' })
})

t.test('a configuration that is wrong', async (t) => {
  const root = t.testdir({ 'weir.yaml': 'source: { url: ., intervall: 1h }\n', 'text.yaml': ': : :\n  -' })
  for (const name of ['weir.yaml', 'text.yaml', 'absent.yaml']) {
    const result = await runReconcile(['--dry-run', '--config', join(root, name)])
    t.match(result, { code: 1, stdout: '' }, name)
    t.match(result.stderr, new RegExp(`^error: .*${name}`), 'the file is named')
    t.notMatch(result.stderr, /\n\s+at .*\.ts/, 'without a stack')
  }
  const both = await runReconcile(['validate', '--source', root, '--listen', 'nonsense'])
  t.equal(both.code, 1, 'validate has no doors')
})

t.test('an address that is none', async (t) => {
  for (const args of [['status'], ['logs', 'one'], ['--dry-run', '--against']]) {
    const url = args[0] === '--dry-run' ? ['foo'] : ['--url', 'foo']
    const cwd = await folder(t.testdir({}), {})
    const result = await runReconcile([...args, ...url], { cwd, env: { WEIR_TOKEN: 'alice:pass-word-1' } })
    t.match(result, { code: 1, stdout: '', stderr: /"foo" is no address of a reconciler/ })
    t.notMatch(result.stderr, /\n\s+at /)
  }
})

t.test('status and logs without a reconciler', async (t) => {
  for (const args of [['status'], ['logs', 'one'], ['--dry-run', '--against', 'http://127.0.0.1:9']]) {
    const url = args[0] === '--dry-run' ? [] : ['--url', 'http://127.0.0.1:9']
    const source = await folder(t.testdir({}), {})
    const result = await runReconcile([...args, ...url], {
      cwd: source,
      env: { WEIR_TOKEN: 'alice:pass-word-1' },
    })
    t.match(result, { code: 1, stdout: '', stderr: /no reconciler answers at http:\/\/127\.0\.0\.1:9/ })
    t.notMatch(result.stderr, /pass-word-1|\n\s+at /)
  }
})
