import t from 'tap'
import { awaitRunning } from '../../reconciler/apply/await-running.ts'
import { createHealth } from '../../reconciler/apply/health.ts'
import type { Driver } from '../../reconciler/drivers/driver.ts'
import { createMemoryDriver } from '../../reconciler/drivers/memory/memory-driver.ts'
import { createMemoryWorld } from '../../reconciler/drivers/memory/memory-world.ts'
import type { Sighting } from '../../reconciler/model/observed-state.ts'
import { placeInstance } from '../support/make-instance.ts'
import { hastyClock } from '../support/hasty-clock.ts'

const { signal } = new AbortController()
const placed = placeInstance({ fleet: 'fleet', port: 2000 })
const seen = { kind: 'present', uid: placed.uid, name: 'press', fields: {} } as const
const running = { ...seen, phase: 'running', fields: { settings: placed.settings } } as const
const [begins, before] = [{ ...seen, phase: 'installing' } as const, { ...seen, phase: 'running' } as const]

/** Waits by a clock that does not wait for time, before a driver that sees one after the other, and the last for ever. */
async function waited(sightings: readonly (Sighting | Error)[]) {
  const clock = hastyClock()
  const rest = [...sightings]
  const observe: Driver['observe'] = async () => {
    const [next] = rest.length > 1 ? rest.splice(0, 1) : rest
    if (next instanceof Error) throw next
    return next === undefined ? [] : [next]
  }
  const driver = { ...createMemoryDriver({ fleet: 'fleet', world: createMemoryWorld() }), observe }
  const context = { drivers: new Map([['localfs', driver] as const]), clock, health: createHealth() }
  const began = clock.now().getTime()
  await awaitRunning(placed, context, signal)
  return (clock.now().getTime() - began) / 1000
}

const times = (count: number, one: Sighting): Sighting[] => Array.from({ length: count }, () => one)

t.test('an installation is waited for, before a start and beside what runs', async (t) => {
  t.equal(await waited([...times(240, begins), running]), 1205)
  t.equal(await waited([...times(240, { ...before, installing: true }), running]), 1205)
  t.equal(await waited([{ ...seen, phase: 'crashed', installing: true }, running]), 10)
})

t.test('what neither installs nor runs as declared is not waited for, and says why', async (t) => {
  await t.rejects(waited([{ ...before, message: 'npm says no' }]), {
    name: 'UnhealthyError',
    message: 'it did not come up as declared within 180 s: npm says no',
  })
  await t.rejects(waited([...times(9, begins), { ...seen, phase: 'crashed', message: 'npm says no' }]), {
    message: 'npm says no',
  })
})

t.test('that it cannot be seen for a moment is no failure', async (t) => {
  t.equal(
    await waited([new Error('no list'), { kind: 'unknown', uid: placed.uid, cause: 'silent' }, running]),
    15,
  )
})

t.test('what was taken away meanwhile is not waited for', async (t) => {
  await t.rejects(waited([]), { name: 'UnhealthyError', message: /it is gone/ })
})
