import t from 'tap'
import { Executor, type ExecutorEvent } from '../../reconciler/apply/executor.ts'
import type { Task } from '../../reconciler/apply/run-action.ts'
import { systemClock } from '../../reconciler/telemetry/clock.ts'
import { resolvedInstance } from '../support/make-instance.ts'
import { until } from '../support/until.ts'

function task(name: string, kind: 'create' | 'delete', title = 'one', revision = 'r1'): Task {
  const action = {
    kind,
    target: { name },
    cause: 'change',
    reason: 'declared',
    effect: 'created',
  } as const
  const shared = { planId: 'p', revision, origin: {}, reserved: new Set<number>() }
  const spec = resolvedInstance(name, { editor: { enabled: true, title } })
  return kind === 'delete'
    ? { ...shared, action: { ...action, kind: 'delete', reason: 'undeclared', effect: 'gone', changes: [] } }
    : { ...shared, action: { ...action, changes: [] }, desired: spec }
}

/** An executor whose actions go on until they are ended or aborted. */
function setUp(): {
  readonly executor: Executor
  readonly stages: string[]
  readonly end: Map<string, (error?: Error) => void>
} {
  const stages: string[] = []
  const end = new Map<string, (error?: Error) => void>()
  const executor = new Executor({
    run: async ({ action }, signal) => {
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      end.set(action.target.name, (error) => (error === undefined ? resolve() : reject(error)))
      signal.addEventListener('abort', () => reject(new Error('aborted')), { once: true })
      await promise
    },
    concurrency: 4,
    clock: systemClock,
    onEvent: ({ stage, task: { action } }: ExecutorEvent) =>
      stages.push(`${stage} ${action.kind} ${action.target.name}`),
    signal: new AbortController().signal,
  })
  return { executor, stages, end }
}

t.test('a newer declaration aborts what an older one began', async (t) => {
  const { executor, stages } = setUp()
  executor.submit([task('a', 'create')])
  await until('it has begun', () => stages.length === 1)
  executor.submit([task('a', 'create')])
  t.same(stages, ['begun create a'], 'the same declaration goes on')
  executor.submit([task('a', 'create', 'two')])
  await executor.whenIdle()
  t.same(stages, ['begun create a', 'aborted create a'])
})

t.test(
  'what is held back meanwhile is brought to its end; a deletion that nobody asks for any more is not',
  async (t) => {
    const { executor, stages, end } = setUp()
    executor.submit([task('a', 'create'), task('b', 'delete')])
    await until('both have begun', () => stages.length === 2)
    executor.submit([])
    await until('the deletion is aborted', () => stages.includes('aborted delete b'))
    t.ok(executor.isActive('a'), 'half of a creation is not left behind')
    end.get('a')?.()
    await executor.whenIdle()
    t.ok(stages.includes('ready create a'))
  },
)

t.test('what a refused plan takes away comes after what is under way', async (t) => {
  const { executor, stages, end } = setUp()
  executor.submit([task('a', 'create')])
  await until('it has begun', () => stages.length === 1)
  const withdrawal: Task = { ...task('a', 'create', 'two', 'r2'), withdrawal: true }
  executor.submit([withdrawal])
  t.same(stages, ['begun create a'], 'it goes on')
  t.ok(executor.isWaitedFor('a'), 'and the loop is to look again after it')
  end.get('a')?.()
  await executor.whenIdle()
  executor.submit([withdrawal])
  t.notOk(executor.isWaitedFor('a'))
  await until('then it begins', () => stages.length === 3)
  end.get('a')?.()
  await executor.whenIdle()
  t.same(stages, ['begun create a', 'ready create a', 'begun create a', 'ready create a'])
})

t.test('a failed action waits, and is not waited for while it is tried again', async (t) => {
  const { executor, stages, end } = setUp()
  executor.submit([task('a', 'create')])
  await until('it has begun', () => end.has('a'))
  end.get('a')?.(new Error('no'))
  await executor.whenIdle()
  t.equal(executor.failureOf('a')?.message, 'no')
  t.ok((executor.nextRetry() ?? 0) > 0, 'it waits')
  executor.submit([task('a', 'create')])
  t.ok(executor.idle, 'it is not tried before its time')
  end.delete('a')
  executor.submit([task('a', 'create', 'one', 'r2')])
  await until('a new revision tries it at once', () => end.has('a'))
  t.equal(executor.nextRetry(), undefined, 'no retry is due while one is under way')
  end.get('a')?.()
  await executor.whenIdle()
  t.equal(executor.failureOf('a'), undefined)
  t.same(stages.at(-1), 'ready create a')
})
