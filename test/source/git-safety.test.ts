import { execFile } from 'node:child_process'
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { gitConfiguration, gitEnvironment, sshCommand } from '../../reconciler/source/git-environment.ts'
import { parseGitUrl } from '../../reconciler/source/git-url.ts'
import { SourceError } from '../../reconciler/source/source.ts'
import { contents, paths, rejectsWith } from '../conformance/source-conformance.ts'
import { createRepository } from '../support/git-repository.ts'
import { testGitSource } from '../support/git-source.ts'

const run = promisify(execFile)
const signal = AbortSignal.timeout(120_000)
const hostile = join(import.meta.dirname, '../../fixtures/hostile')
const lines = (name: string) => readFileSync(join(hostile, name), 'utf8').split('\n').slice(0, -1)

/** A folder with a repository and a script that leaves a mark if anything ever runs it. */
async function scene(t: Test) {
  const root = t.testdir()
  const marker = join(root, 'MARKER')
  const script = join(root, 'hostile.sh')
  await writeFile(script, `#!/bin/sh\necho "$0 $@" >> '${marker}'\nexit 1\n`)
  await chmod(script, 0o755)
  const repository = await createRepository(join(root, 'fleet'))
  await repository.write('a.yaml', 'content')
  return { root, marker, script, repository, cacheDirectory: join(root, 'cache') }
}

t.test('no URL and no branch runs anything', async (t) => {
  const { marker, repository, cacheDirectory } = await scene(t)
  await repository.commit('first')
  const attempts = [
    ...lines('urls.txt').map((url) => ({ url: url.replaceAll('MARKER', marker) })),
    ...lines('branches.txt').map((branch) => ({ url: repository.directory, branch })),
  ]
  for (const attempt of attempts)
    t.throws(() => testGitSource({ ...attempt, cacheDirectory, allow: ['https', 'ssh'] }), {
      code: 'source-refused',
    })
  t.notOk(existsSync(marker))
  t.notOk(existsSync(cacheDirectory), 'nothing is touched for what is refused')
})

t.test('nothing that a repository holds or configures runs', async (t) => {
  const { marker, script, repository, cacheDirectory } = await scene(t)
  await repository.write(
    '.gitattributes',
    '* filter=evil diff=evil merge=evil export-subst ident text eol=crlf\n',
  )
  await repository.write(
    '.gitmodules',
    `[submodule "x"]\n\tpath = x\n\turl = ext::${script}\n\tupdate = !${script}\n`,
  )
  await repository.write('subst.yaml', '$Format:%H$ $Id$\n')
  const commit = await repository.commit('first')
  await repository.git('update-index', '--add', '--cacheinfo', `160000,${commit},x`)
  await repository.git('commit', '--quiet', '--message', 'a submodule')
  for (const [key, value] of [
    ['filter.evil.clean', script],
    ['filter.evil.smudge', script],
    ['filter.evil.process', script],
    ['diff.evil.textconv', script],
    ['diff.evil.command', script],
    ['diff.external', script],
    ['core.fsmonitor', script],
    ['core.sshCommand', script],
    ['core.pager', script],
    ['core.editor', script],
    ['core.alternateRefsCommand', script],
    ['gpg.program', script],
    ['log.showSignature', 'true'],
    ['uploadpack.packObjectsHook', script],
    ['credential.helper', script],
    ['extensions.partialClone', 'origin'],
    ['remote.origin.url', `ext::${script}`],
    ['remote.origin.promisor', 'true'],
  ] as const)
    await repository.git('config', key, value)
  const hooks = [
    'post-upload-pack',
    'pre-auto-gc',
    'reference-transaction',
    'post-checkout',
    'post-index-change',
  ]
  await mkdir(join(repository.directory, '.git/hooks'), { recursive: true })
  for (const hook of hooks) {
    await writeFile(join(repository.directory, '.git/hooks', hook), await readFile(script))
    await chmod(join(repository.directory, '.git/hooks', hook), 0o755)
  }
  const snapshot = await testGitSource({ url: repository.directory, cacheDirectory }).snapshot(signal)
  t.strictSame(snapshot.skipped, [{ path: 'x', reason: 'not-a-file' }])
  t.match(await contents(snapshot), { 'a.yaml': 'content', 'subst.yaml': '$Format:%H$ $Id$\n' })
  t.notOk(existsSync(marker))
})

t.test("nothing of the reconciler's own environment steers Git", async (t) => {
  const { root, marker, script, repository, cacheDirectory } = await scene(t)
  await repository.commit('first')
  await writeFile(
    join(root, 'gitconfig'),
    `[core]\n\tsshCommand = ${script}\n[alias]\n\tls-tree = !${script}\n`,
  )
  const environment = {
    PATH: process.env['PATH'],
    HOME: root,
    GIT_SSH_COMMAND: script,
    GIT_SSH: script,
    GIT_ASKPASS: script,
    SSH_ASKPASS: script,
    GIT_EXEC_PATH: root,
    GIT_EXTERNAL_DIFF: script,
    GIT_PROXY_COMMAND: script,
    GIT_TEMPLATE_DIR: root,
    GIT_CONFIG_COUNT: '1',
    GIT_CONFIG_KEY_0: 'uploadpack.packObjectsHook',
    GIT_CONFIG_VALUE_0: script,
    GIT_CONFIG_GLOBAL: join(root, 'gitconfig'),
    GIT_CONFIG_PARAMETERS: `'core.sshcommand'='${script}'`,
    GIT_DIR: root,
    GIT_TRACE: join(root, 'trace'),
    EDITOR: script,
    VISUAL: script,
    PAGER: script,
    LD_PRELOAD: '/nonexistent.so',
    NODE_OPTIONS: '--bad-option',
  }
  const source = testGitSource({ url: repository.directory, cacheDirectory, environment })
  t.strictSame(paths(await source.snapshot(signal)), ['a.yaml'])
  const overSsh = testGitSource({ url: 'ssh://git@localhost:1/fleet', cacheDirectory, environment })
  await rejectsWith(t, overSsh.snapshot(signal), 'source-unreachable')
  t.notOk(existsSync(marker))
  t.notOk(existsSync(join(root, 'trace')))
})

t.test('ssh is started by us alone, whatever the paths hold', async (t) => {
  const { root, marker } = await scene(t)
  const bin = join(root, 'bin')
  await mkdir(bin)
  await writeFile(join(bin, 'ssh'), `#!/bin/sh\nprintf '%s\\n' "$@" > '${join(root, 'arguments')}'\nexit 1\n`)
  await chmod(join(bin, 'ssh'), 0o755)
  const sshKey = join(root, `key '$(touch MARKER)' %d;touch ${marker}`)
  const source = testGitSource({
    url: 'git@host.example:fleet.git',
    cacheDirectory: join(root, 'cache'),
    sshKey,
    knownHosts: join(root, 'known hosts'),
    environment: { PATH: `${bin}:${process.env['PATH']}` },
  })
  await rejectsWith(t, source.snapshot(signal), 'source-unreachable')
  const args = (await readFile(join(root, 'arguments'), 'utf8')).split('\n')
  t.ok(args.includes(`IdentityFile="${sshKey.replaceAll('%', '%%')}"`))
  for (const option of ['BatchMode=yes', 'StrictHostKeyChecking=yes', 'ProxyCommand=none'])
    t.ok(args.includes(option))
  t.ok(args.includes('git@host.example'))
  t.notOk(existsSync(marker))
})

t.test('the environment of Git holds what is named here and nothing else', async (t) => {
  const location = parseGitUrl('https://host.example/fleet', ['https'])
  const place = { configuration: '/c', workingDirectory: '/w/d', gitDirectory: '/w/d/r' }
  t.strictSame(gitEnvironment({ PATH: '/bin', SECRET: 'x', GIT_DIR: '/x' }, location, place), {
    PATH: '/bin',
    HOME: '/w/d',
    LC_ALL: 'C',
    GIT_ATTR_NOSYSTEM: '1',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/c',
    GIT_CEILING_DIRECTORIES: '/w',
    GIT_TERMINAL_PROMPT: '0',
    GIT_OPTIONAL_LOCKS: '0',
    GIT_NO_LAZY_FETCH: '1',
    GIT_NO_REPLACE_OBJECTS: '1',
    GIT_ALLOW_PROTOCOL: 'https',
    GIT_DIR: '/w/d/r',
  })
})

t.test('Git reads back every path in the configuration as it was given', async (t) => {
  const root = t.testdir()
  const location = parseGitUrl('https://ada:x@host.example/fleet', ['https'])
  for (const strange of ['/a b', '/a"b', "/a'b", '/a\\b', '/a#b;c', '/a%b', '/a$b', '/a\tb']) {
    const file = join(root, 'config')
    await writeFile(file, gitConfiguration(location, { certificates: strange, sshKey: strange }))
    const get = async (key: string) =>
      (await run('git', ['config', '--file', file, '--get', key])).stdout.slice(0, -1)
    t.equal(await get('http.sslCAInfo'), strange)
    t.equal(await get('core.sshCommand'), sshCommand({ sshKey: strange }))
  }
  await rm(join(root, 'config'))
})

t.test('an error holds no cause that could hold more', async (t) => {
  const { cacheDirectory, root } = await scene(t)
  const source = testGitSource({ url: join(root, 'nowhere'), cacheDirectory })
  const error = await rejectsWith(t, source.snapshot(signal), 'source-unreachable')
  t.ok(error instanceof SourceError && error.cause === undefined)
  t.match(error.message, /no such repository/)
})
