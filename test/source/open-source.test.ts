import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { openSource } from '../../reconciler/source/open-source.ts'
import { systemClock } from '../../reconciler/telemetry/clock.ts'
import { rejectsWith } from '../conformance/source-conformance.ts'
import { createRepository, isolatedGit } from '../support/git-repository.ts'

const signal = AbortSignal.timeout(120_000)

t.test('opens what a text names', async (t) => {
  const root = t.testdir({ plain: { 'a.yaml': '1' }, file: 'x' })
  const repository = await createRepository(join(root, 'fleet'))
  await repository.write('sub/a.yaml', '1')
  await repository.commit('first')
  await repository.git('worktree', 'add', '--quiet', '-b', 'other', join(root, 'linked'))
  await isolatedGit(root, 'clone', '--quiet', '--bare', repository.directory, 'bare.git')
  const open = (url: string, branch?: string) =>
    openSource({
      url,
      branch,
      base: root,
      cacheDirectory: join(root, 'cache'),
      interval: 60_000,
      allow: ['https'],
      environment: { PATH: process.env['PATH'] },
      clock: systemClock,
      random: Math.random,
    })
  const kind = async (url: string) => (await (await open(url)).snapshot(signal)).revision.kind
  for (const url of ['fleet', './fleet', join(root, 'fleet'), 'linked', 'bare.git', 'fleet/.git'])
    t.equal(await kind(url), 'commit', url)
  for (const url of ['plain', './plain/', 'fleet/sub']) t.equal(await kind(url), 'directory', url)
  await rejectsWith(t, open('./nowhere'), 'source-unreachable')
  await rejectsWith(t, open('./file'), 'source-unreachable')
  await rejectsWith(t, open('nowhere'), 'source-refused')
  await rejectsWith(t, open('plain', 'main'), 'source-refused')
  await rejectsWith(t, open('ext::sh -c true'), 'source-refused')
  await mkdir(join(root, 'ext::sh'))
  await rejectsWith(t, open('ext::sh'), 'source-refused')
  await writeFile(join(root, 'x'), '')
})
