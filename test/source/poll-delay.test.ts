import t from 'tap'
import { pollDelay } from '../../reconciler/source/poll-delay.ts'
import { until } from '../support/until.ts'
import { testGitSource } from '../support/git-source.ts'

t.test('doubles with every failure, up to ten intervals, and spreads by 10 %', async (t) => {
  const delays = [0, 1, 2, 3, 4, 100].map((failures) => pollDelay(1000, failures, () => 0.5))
  t.strictSame(delays, [1000, 2000, 4000, 8000, 10_000, 10_000])
  t.equal(
    pollDelay(1000, 0, () => 0),
    900,
  )
  t.equal(Math.round(pollDelay(1000, 0, () => 1)), 1100)
})

t.test('a source that fails is asked less and less, and at the interval again when it answers', async (t) => {
  const sleeps: number[] = []
  const wake: (() => void)[] = []
  const clock = {
    now: () => new Date(),
    sleep: async (ms: number) => {
      sleeps.push(ms)
      await new Promise<void>((resolve) => wake.push(resolve))
    },
  }
  const source = testGitSource({
    url: 'https://127.0.0.1:1/fleet',
    cacheDirectory: t.testdir(),
    interval: 1000,
    clock,
  })
  const stop = new AbortController()
  const watching = source.watch(() => {}, stop.signal)
  for (let failures = 0; failures < 5; failures += 1) {
    await until('it sleeps', () => sleeps.length === failures + 1)
    await source.snapshot(AbortSignal.timeout(60_000)).catch(() => {})
    wake.at(-1)?.()
  }
  await until('it sleeps', () => sleeps.length === 6)
  t.strictSame(sleeps, [1000, 2000, 4000, 8000, 10_000, 10_000])
  stop.abort()
  wake.at(-1)?.()
  await watching
})
