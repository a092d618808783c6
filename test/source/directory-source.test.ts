import { execFileSync } from 'node:child_process'
import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import t from 'tap'
import { createDirectorySource } from '../../reconciler/source/directory-source.ts'
import { systemClock } from '../../reconciler/telemetry/clock.ts'
import { contents, paths, rejectsWith, sourceConformance } from '../conformance/source-conformance.ts'

const signal = AbortSignal.timeout(120_000)

t.test('keeps the promises of a source', async (t) => {
  sourceConformance(t, async (t) => {
    const root = join(t.testdir(), 'fleet')
    await mkdir(root)
    return {
      change: async (content) => {
        for (const [path, value] of Object.entries(content)) {
          const file = join(root, path)
          await rm(file, { recursive: true, force: true })
          if (value === null) continue
          await mkdir(dirname(file), { recursive: true })
          if (typeof value === 'string') await writeFile(file, value)
          else await symlink(value.link, file)
        }
      },
      open: (options) => createDirectorySource({ directory: root, clock: systemClock, ...options }),
    }
  })
})

t.test('leaves out .git, node_modules and what is not a file', async (t) => {
  const directory = t.testdir({
    'a.yaml': '1',
    '.git': { config: 'x' },
    sub: { node_modules: { 'b.yaml': '2' }, 'c.yaml': '3' },
    'into.yaml': t.fixture('symlink', '.git/config'),
  })
  execFileSync('mkfifo', [join(directory, 'pipe')])
  const snapshot = await createDirectorySource({ directory, clock: systemClock }).snapshot(signal)
  t.strictSame(paths(snapshot), ['a.yaml', 'sub/c.yaml'])
  t.strictSame(snapshot.skipped, [
    { path: 'into.yaml', reason: 'not-a-file' },
    { path: 'pipe', reason: 'not-a-file' },
  ])
})

t.test('a folder that is swapped for a link after it was listed leads nowhere', async (t) => {
  const root = t.testdir({ fleet: { team: { 'a.yaml': 'mine' } }, outside: { 'a.yaml': 'secret' } })
  const directory = join(root, 'fleet')
  // A clock far in the past makes every file look as if it had just changed, so that each snapshot reads again.
  const source = createDirectorySource({ directory, clock: { now: () => new Date(0) } })
  const snapshot = await source.snapshot(signal)
  await rename(join(directory, 'team'), join(root, 'team'))
  await symlink(join(root, 'outside'), join(directory, 'team'))
  t.strictSame(await contents(snapshot), { 'team/a.yaml': 'mine' }, 'a snapshot does not change')
  const next = await source.snapshot(signal)
  t.strictSame(paths(next), [])
  t.strictSame(next.skipped, [{ path: 'team', reason: 'symlink-outside' }])
})

t.test('a missing folder is an outage, and never an empty fleet', async (t) => {
  const directory = join(t.testdir(), 'nowhere')
  const source = createDirectorySource({ directory, clock: systemClock })
  await rejectsWith(t, source.snapshot(signal), 'source-unreachable')
})

t.test('a change back within one tick of the clock is seen', async (t) => {
  const directory = t.testdir({ 'a.yaml': '1' })
  const source = createDirectorySource({ directory, clock: systemClock })
  for (const content of ['2', '3', '4', '5', '6']) {
    await writeFile(join(directory, 'a.yaml'), content)
    t.strictSame(await contents(await source.snapshot(signal)), { 'a.yaml': content })
  }
})
