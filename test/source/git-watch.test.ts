import { join } from 'node:path'
import t, { type Test } from 'tap'
import { createRepository, isolatedGit } from '../support/git-repository.ts'
import { testGitSource } from '../support/git-source.ts'
import { until } from '../support/until.ts'

const signal = AbortSignal.timeout(170_000)

async function scene(t: Test) {
  const root = t.testdir()
  const repository = await createRepository(join(root, 'fleet'))
  const cacheDirectory = join(root, 'cache')
  const open = (options = {}) => testGitSource({ url: repository.directory, cacheDirectory, ...options })
  return { root, repository, open }
}

t.test('a commit wakes the watch long before the interval, wherever the references are kept', async (t) => {
  const { root, repository, open } = await scene(t)
  await repository.commit('first')
  const linked = join(root, 'linked')
  await repository.git('worktree', 'add', '--quiet', '-b', 'other', linked)
  for (const [url, change] of [
    [repository.directory, () => repository.commit('next')],
    [repository.directory, () => repository.git('pack-refs', '--all')],
    [repository.directory, () => repository.commit('after packing')],
    [repository.directory, () => repository.git('checkout', '--quiet', '-b', `b${Math.random()}`)],
    [linked, () => isolatedGit(linked, 'commit', '--quiet', '--allow-empty', '--message', 'next')],
    [linked, () => isolatedGit(linked, 'checkout', '--quiet', '--detach')],
  ] as const) {
    const source = open({ url, interval: 3_600_000 })
    await source.snapshot(signal)
    let calls = 0
    const stop = new AbortController()
    const watching = source.watch(() => (calls += 1), stop.signal)
    await until('the watch stands', () => calls > 0)
    calls = 0
    await change()
    await until('the watch wakes', () => calls > 0)
    stop.abort()
    await watching
  }
})

t.test('each push to a bare repository is seen, however often and wherever below refs', async (t) => {
  const { root, repository, open } = await scene(t)
  await repository.commit('first')
  const bare = join(root, 'bare.git')
  await repository.git('clone', '--quiet', '--bare', repository.directory, bare)
  const branches = ['main', 'site/berlin/press'] as const
  for (const branch of branches) {
    const ref = `refs/heads/${branch}`
    const push = async () => {
      const id = await repository.commit('next')
      await repository.git('push', '--quiet', bare, `HEAD:${ref}`)
      return id
    }
    await push()
    const source = open({ url: bare, branch, interval: 3_600_000 })
    const stop = new AbortController()
    let [read, stands] = ['', false]
    const look = async () => {
      stands = true
      read = (await source.snapshot(signal).catch(() => undefined))?.revision.id ?? read
    }
    const watching = source.watch(() => void look(), stop.signal)
    await until('the watch stands', () => stands)
    for (let round = 1; round <= 3; round++) {
      const id = await push()
      await until(`push ${round} to ${branch} is read`, () => read === id)
    }
    await isolatedGit(bare, 'update-ref', '-d', ref)
    for (let round = 1; round <= 2; round++) {
      const id = await push()
      await until(`push ${round} after the branch was removed is read`, () => read === id)
    }
    stop.abort()
    await watching
  }
})
