import { execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { chmod, mkdir, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { contents, paths, rejectsWith } from '../conformance/source-conformance.ts'
import { createRepository, isolatedGit, isolatedGitEnvironment } from '../support/git-repository.ts'
import { testGitSource } from '../support/git-source.ts'
import { statOf } from '../support/process-stat.ts'
import { until } from '../support/until.ts'

const signal = AbortSignal.timeout(170_000)

async function scene(t: Test) {
  const root = t.testdir()
  const repository = await createRepository(join(root, 'fleet'))
  const cacheDirectory = join(root, 'cache')
  const open = (options = {}) => testGitSource({ url: repository.directory, cacheDirectory, ...options })
  return { root, repository, cacheDirectory, open }
}

/** A `git` that notes its arguments, found before the real one. */
async function recordingGit(root: string) {
  const bin = join(root, 'bin')
  const calls = join(root, 'calls')
  await mkdir(bin)
  await writeFile(calls, '')
  const real = (process.env['PATH'] ?? '').replaceAll("'", '')
  await writeFile(join(bin, 'git'), `#!/bin/sh\necho "$1" >> '${calls}'\nPATH='${real}' exec git "$@"\n`)
  await chmod(join(bin, 'git'), 0o755)
  return {
    environment: { PATH: `${bin}:${real}` },
    take: async () => {
      const lines = (await readFile(calls, 'utf8')).split('\n').slice(0, -1)
      await writeFile(calls, '')
      return lines.toSorted()
    },
  }
}

async function cacheOf(cacheDirectory: string): Promise<string> {
  const [name = ''] = await readdir(cacheDirectory)
  return join(cacheDirectory, name, 'repository')
}

t.test('asks the remote once, fetches only what is new, and reads any number of files at once', async (t) => {
  const { root, repository, open } = await scene(t)
  for (const name of ['a', 'b', 'c', 'd']) await repository.write(`${name}.yaml`, name)
  await repository.commit('first')
  const git = await recordingGit(root)
  const source = open({ environment: git.environment })
  const snapshot = await source.snapshot(signal)
  t.strictSame(
    (await git.take()).filter((name) => name === 'ls-remote' || name === 'fetch'),
    ['fetch', 'ls-remote'],
  )
  await source.snapshot(signal)
  t.strictSame(await git.take(), ['ls-remote'])
  await contents(snapshot)
  t.strictSame(await git.take(), ['cat-file'])
  await open({ environment: git.environment }).snapshot(signal)
  t.notOk((await git.take()).includes('fetch'), 'another process finds the commit in the cache')
})

t.test('an empty repository has no commit, and says so', async (t) => {
  const { repository, open } = await scene(t)
  const error = await rejectsWith(t, open().snapshot(signal), 'branch-not-found')
  t.match(error.message, /no commit/)
  await rejectsWith(t, open({ branch: 'main' }).snapshot(signal), 'branch-not-found')
  await repository.commit('first')
  t.strictSame(paths(await open().snapshot(signal)), [])
})

t.test('a missing branch is named, with the default branch', async (t) => {
  const { repository, open } = await scene(t)
  await repository.commit('first')
  const error = await rejectsWith(t, open({ branch: 'mian' }).snapshot(signal), 'branch-not-found')
  t.match(error.message, /mian/)
  t.match(error.remedy, /main/)
})

t.test(
  'follows HEAD, a named branch, a branch that becomes a folder of branches, and no tag of that name',
  async (t) => {
    const { repository, open } = await scene(t)
    await repository.write('a.yaml', 'main')
    await repository.commit('first')
    await repository.git('checkout', '--quiet', '-b', 'release')
    await repository.write('a.yaml', 'release')
    await repository.commit('second')
    await repository.git('tag', 'main', 'HEAD')
    const named = open({ branch: 'release' })
    t.strictSame(await contents(await open().snapshot(signal)), { 'a.yaml': 'release' })
    t.strictSame(await contents(await open({ branch: 'main' }).snapshot(signal)), { 'a.yaml': 'main' })
    t.strictSame(await contents(await named.snapshot(signal)), { 'a.yaml': 'release' })
    await repository.git('checkout', '--quiet', '--detach')
    await repository.git('branch', '-D', 'release')
    await rejectsWith(t, named.snapshot(signal), 'branch-not-found')
    await repository.git('branch', 'release/1')
    t.strictSame(await contents(await open({ branch: 'release/1' }).snapshot(signal)), {
      'a.yaml': 'release',
    })
    t.strictSame(
      await contents(await open().snapshot(signal)),
      { 'a.yaml': 'release' },
      'a HEAD on no branch',
    )
  },
)

t.test('tells who wrote a commit, when, and about what', async (t) => {
  const { repository, open } = await scene(t)
  const id = await repository.commit('Wärme: "quoted" %s %x00\n\nBody')
  t.strictSame((await open().snapshot(signal)).revision, {
    id,
    kind: 'commit',
    author: 'Ada Example <ada@example.com>',
    subject: 'Wärme: "quoted" %s %x00',
    at: '2026-01-02T03:04:05.000Z',
  })
})

t.test('follows a force-push back and forth, and what was read before stays readable', async (t) => {
  const { repository, open } = await scene(t)
  await repository.write('a.yaml', '1')
  const first = await repository.commit('first')
  await repository.write('a.yaml', '2')
  await repository.commit('second')
  const source = open()
  const before = await source.snapshot(signal)
  await repository.git('reset', '--quiet', '--hard', first)
  const rewound = await source.snapshot(signal)
  t.equal(rewound.revision.id, first)
  await repository.write('a.yaml', '3')
  await repository.commit('another second')
  await repository.git('reflog', 'expire', '--expire=now', '--all')
  await repository.git('gc', '--quiet', '--prune=now')
  t.strictSame(await contents(await source.snapshot(signal)), { 'a.yaml': '3' })
  t.strictSame(await contents(before), { 'a.yaml': '2' })
})

t.test('a source that goes away is an outage, and what was read stays in force', async (t) => {
  const { repository, open } = await scene(t)
  await repository.write('a.yaml', '1')
  await repository.commit('first')
  const source = open()
  const snapshot = await source.snapshot(signal)
  await rm(repository.directory, { recursive: true })
  await rejectsWith(t, source.snapshot(signal), 'source-unreachable')
  t.strictSame(await contents(snapshot), { 'a.yaml': '1' })
})

const damages: Record<string, (cache: string) => Promise<void>> = {
  'no HEAD': (cache) => rm(join(cache, 'HEAD')),
  'a broken configuration': (cache) => writeFile(join(cache, 'config'), '[core\n'),
  'no objects': (cache) => rm(join(cache, 'objects'), { recursive: true }),
  'no packs': (cache) => rm(join(cache, 'objects/pack'), { recursive: true }),
  'cut packs': async (cache) => {
    for (const name of await readdir(join(cache, 'objects/pack'))) {
      await chmod(join(cache, 'objects/pack', name), 0o600)
      await truncate(join(cache, 'objects/pack', name), 20)
    }
  },
  'garbage in the references': async (cache) => {
    for (const name of await readdir(join(cache, 'refs/weir')))
      await writeFile(join(cache, 'refs/weir', name), 'garbage\n')
  },
  'locks of a Git that was killed': async (cache) => {
    const [name = ''] = await readdir(join(cache, 'refs/weir'))
    for (const file of [
      'shallow.lock',
      'HEAD.lock',
      'config.lock',
      `refs/weir/${name}.lock`,
      'objects/pack/tmp_pack_x',
    ])
      await writeFile(join(cache, file), '')
  },
  'something else in place of its lock': (cache) => writeFile(join(cache, '../lock.db'), '999999999 1'),
  'no cache at all': (cache) => rm(join(cache, '..'), { recursive: true }),
}

for (const [name, damage] of Object.entries(damages))
  t.test(`mends a cache with ${name}`, async (t) => {
    const { repository, cacheDirectory, open } = await scene(t)
    await repository.write('a.yaml', '1')
    await repository.commit('first')
    const running = open()
    const before = await running.snapshot(signal)
    const cache = await cacheOf(cacheDirectory)
    await damage(cache)
    t.strictSame(await contents(before), { 'a.yaml': '1' }, 'in a running process')
    await damage(cache)
    t.strictSame(await contents(await open().snapshot(signal)), { 'a.yaml': '1' }, 'in a new one')
    await damage(cache)
    await repository.write('a.yaml', '2')
    await repository.commit('second')
    t.strictSame(await contents(await running.snapshot(signal)), { 'a.yaml': '2' }, 'at the next commit')
    const left = (await readdir(cache)).filter((file) => file.endsWith('.lock'))
    t.strictSame(left, [])
  })

t.test('several processes share one cache', async (t) => {
  const { repository, cacheDirectory, open } = await scene(t)
  await repository.write('a.yaml', '0')
  await repository.commit('first')
  const sources = [open(), open(), open({ branch: 'main' }), open()]
  for (let round = 1; round <= 5; round += 1) {
    await repository.write('a.yaml', String(round))
    await repository.commit(`round ${round}`)
    const snapshots = await Promise.all(sources.map((source) => source.snapshot(signal)))
    for (const snapshot of snapshots) t.strictSame(await contents(snapshot), { 'a.yaml': String(round) })
  }
  const cache = await cacheOf(cacheDirectory)
  t.equal(await isolatedGit(cache, 'fsck', '--connectivity-only', '--no-dangling', '--no-progress'), '')
})

/** How far a fetch has come, by what lies in the folder of the cache. */
const stages: Readonly<Record<string, (cache: string) => boolean>> = {
  'the lock': (cache) => existsSync(join(cache, '../lock.db')),
  'an empty repository': (cache) => existsSync(join(cache, 'HEAD')),
  'half a pack': (cache) => packsOf(cache).some((name) => name.startsWith('tmp_')),
}

function packsOf(cache: string): readonly string[] {
  return namesIn(join(cache, 'objects/pack'))
}

function namesIn(folder: string): readonly string[] {
  return existsSync(folder) ? readdirSync(folder) : []
}

/** Lets what is left of a group go on. */
function continueGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGCONT')
  } catch {
    // Nobody is left in it.
  }
}

t.test('a process killed with SIGKILL in a fetch leaves a cache that the next one uses', async (t) => {
  const { root, repository } = await scene(t)
  // large, and nothing that packs well: a pack that takes a while to write
  for (let index = 0; index < 100; index += 1)
    await repository.write(`f${index}.yaml`, randomBytes(40_000).toString('base64'))
  await repository.commit('first')
  const program = join(import.meta.dirname, '../support/one-snapshot.ts')
  for (const [stage, reached] of Object.entries(stages))
    for (const victim of ['it alone', 'its Git with it'])
      await t.test(`at ${stage}, ${victim}`, async (t) => {
        const cacheDirectory = join(root, `cache at ${stage}, ${victim}`)
        const child = spawn(process.execPath, [program, repository.directory, cacheDirectory], {
          stdio: 'ignore',
          detached: true,
        })
        const ended = once(child, 'exit')
        const { pid = 0 } = child
        const cache = await until('its cache is there', () => foundCache(cacheDirectory), { every: 1 })
        await until(`there is ${stage}`, () => reached(cache), { every: 1 })
        // nothing goes on while it is asked how far the fetch has come
        process.kill(-pid, 'SIGSTOP')
        await until('it stands still', () => statOf(pid)?.state === 'T', { every: 1 })
        t.same(namesIn(join(cache, 'refs/weir')), [], 'no commit has arrived')
        process.kill(victim === 'it alone' ? pid : -pid, 'SIGKILL')
        t.same(await ended, [null, 'SIGKILL'])
        if (victim === 'it alone') continueGroup(pid)
        const source = testGitSource({ url: repository.directory, cacheDirectory })
        t.equal(Object.keys(await contents(await source.snapshot(signal))).length, 100)
        if (victim !== 'it alone')
          t.match(packsOf(cache).join(), /^pack-\w+\.idx,pack-\w+\.pack(,pack-\w+\.rev)?$/)
      })
})

/** The repository of a cache that is just being made. */
function foundCache(cacheDirectory: string): string | undefined {
  const [name] = namesIn(cacheDirectory)
  return name === undefined ? undefined : join(cacheDirectory, name, 'repository')
}

t.test('very many commits leave few packs', async (t) => {
  const { repository, cacheDirectory, open } = await scene(t)
  const source = open()
  for (let round = 0; round < 60; round += 1) {
    await repository.write('a.yaml', String(round))
    await repository.commit('next')
    await source.snapshot(signal)
  }
  const cache = await cacheOf(cacheDirectory)
  const packs = (await readdir(join(cache, 'objects/pack'))).filter((name) => name.endsWith('.pack'))
  t.ok(packs.length <= 51, `${packs.length} packs`)
  t.strictSame(await contents(await source.snapshot(signal)), { 'a.yaml': '59' })
})

t.test('two questions at once get the same answer', async (t) => {
  const { repository, open } = await scene(t)
  await repository.write('a.yaml', '1')
  await repository.commit('first')
  const source = open()
  const [one, other] = await Promise.all([source.snapshot(signal), source.snapshot(signal)])
  t.equal(one, other)
})

t.test('a tree of more than 100,000 files is an error, and the next commit is read', async (t) => {
  const { repository, open } = await scene(t)
  const lines = Array.from(
    { length: 100_001 },
    (_, index) => `M 100644 inline f${index % 400}/${index}.yaml\ndata 0\n`,
  )
  const stream = `commit refs/heads/main\ncommitter A <a@example.com> 0 +0000\ndata 0\n${lines.join('')}\n`
  execFileSync('git', ['fast-import', '--quiet'], {
    cwd: repository.directory,
    env: isolatedGitEnvironment,
    input: stream,
  })
  const source = open()
  await rejectsWith(t, source.snapshot(signal), 'too-many-files')
  await repository.git('update-ref', '-d', 'refs/heads/main')
  await repository.write('a.yaml', '1')
  await repository.commit('smaller')
  t.strictSame(paths(await source.snapshot(signal)), ['a.yaml'])
})
