import t from 'tap'
import { Executor } from '../../reconciler/apply/executor.ts'
import { FleetBoard } from '../../reconciler/control/fleet-board.ts'
import { systemClock } from '../../reconciler/telemetry/clock.ts'
import { fleetStatus } from '../support/fleet-fixture.ts'

const executor = new Executor({
  run: async () => undefined,
  concurrency: 1,
  clock: systemClock,
  onEvent: () => undefined,
  signal: new AbortController().signal,
})

t.test('statuses that could not be kept are taken again, but for what changed since', async (t) => {
  const board = new FleetBoard(fleetStatus(), systemClock)
  board.refresh(executor)
  const taken = board.takeUnsaved()
  const names = taken.changed.map(({ name }) => name)
  t.ok(names.includes('press') && names.includes('wrapper'))
  t.same(board.takeUnsaved(), { changed: [], gone: [] })

  const observations = new Map([['uid-wrapper', { kind: 'absent', uid: 'uid-wrapper' } as const]])
  board.update({ observed: { observations, unreachable: new Map() } })
  board.refresh(executor, ['wrapper'])
  const newest = board.current().instances.get('wrapper')
  board.giveBack(taken)
  const { changed } = board.takeUnsaved()
  t.same(changed.map(({ name }) => name).toSorted(), names.toSorted())
  t.equal(
    changed.find(({ name }) => name === 'wrapper'),
    newest,
    'what is newer stays',
  )
})

t.test('an outage of the store is news when it begins, when it is another, and when it ends', async (t) => {
  const board = new FleetBoard(fleetStatus(), systemClock)
  const away = { code: 'store-unreachable', message: 'away' }
  const news = [undefined, away, away, { code: 'store-locked', message: 'taken' }, undefined, undefined]
  t.same(
    news.map((failure) => board.storeIs(failure)),
    [false, true, false, true, true, false],
  )
  board.storeIs(away)
  const { since } = board.current().store ?? {}
  board.storeIs({ ...away, message: 'still away' })
  t.match(board.current().store, { message: 'still away', since })
})
