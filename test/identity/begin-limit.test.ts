import t from 'tap'
import { createBeginLimit } from '../../reconciler/identity/begin-limit.ts'

t.test('a network that began too many sign-ins waits until its window ends', async (t) => {
  let now = 0
  const begin = createBeginLimit({ now: () => new Date(now) }, { begun: 2, window: 60 })
  t.equal(begin('2001:db8::1'), 0)
  now = 30_000
  t.equal(begin('2001:db8::2'), 0)
  t.equal(begin('2001:db8::3'), 30)
  t.equal(begin('2001:db8:0:1::1'), 0, 'others do not')
  now = 59_999
  t.equal(begin('2001:db8::3'), 1)
  now = 60_000
  t.equal(begin('2001:db8::3'), 0)
})

t.test('as many networks as may be are told apart, and no more', async (t) => {
  const begin = createBeginLimit({ now: () => new Date(0) }, { begun: 1, window: 60, networks: 2 })
  t.equal(begin('192.0.2.1'), 0)
  t.equal(begin('192.0.2.2'), 0)
  t.equal(begin('192.0.2.1'), 60)
  t.equal(begin('192.0.2.3'), 0)
  t.equal(begin('192.0.2.2'), 60)
  t.equal(begin('192.0.2.1'), 0, 'forgotten')
})
