import t from 'tap'
import { fencedDriver } from '../../../reconciler/drivers/fenced-driver.ts'
import { createMemoryDriver } from '../../../reconciler/drivers/memory/memory-driver.ts'
import { createMemoryWorld } from '../../../reconciler/drivers/memory/memory-world.ts'
import { TermEnded } from '../../../reconciler/model/lease.ts'
import { makeCredentials, placeInstance } from '../../support/make-instance.ts'

const { signal } = new AbortController()

t.test('nothing is changed once the term is over, and it can be looked at', async (t) => {
  const world = createMemoryWorld()
  const ending = new AbortController()
  let over = false
  const term = {
    number: 1,
    signal: ending.signal,
    check: () => {
      if (over) throw new TermEnded(1, 'its time is up')
    },
  }
  const driver = fencedDriver(createMemoryDriver({ fleet: 'f', world }), term)
  const [kept, late] = [placeInstance({ fleet: 'f', port: 100 }), placeInstance({ fleet: 'f', port: 101 })]
  const credentials = makeCredentials(kept, 'http://127.0.0.1:1')
  await driver.create(kept, credentials, signal)

  t.comment('the clock says so, before anybody else does')
  over = true
  await t.rejects(driver.create(late, credentials, signal), { name: 'TermEnded' })
  await t.rejects(driver.update(kept, kept, credentials, signal), { name: 'TermEnded' })
  await t.rejects(driver.remove(kept.uid, signal), { name: 'TermEnded' })
  t.match(await driver.observe(signal), [{ uid: kept.uid, kind: 'present' }])

  t.comment('what is under way is aborted')
  over = false
  const removal = driver.remove(kept.uid, signal)
  ending.abort(new TermEnded(1, 'another one leads'))
  await t.rejects(removal)
  t.equal((await driver.observe(signal)).length, 1)
})
