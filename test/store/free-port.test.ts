import t from 'tap'
import { lowestFreePort } from '../../reconciler/store/free-port.ts'

const none = new Set<number>()

t.test('the lowest port that nobody has', async (t) => {
  t.equal(lowestFreePort({ first: 10, taken: none, reserved: none, companion: 0 }), 10)
  t.equal(lowestFreePort({ first: 10, taken: new Set([10, 12]), reserved: new Set([11]), companion: 0 }), 13)
  t.equal(
    lowestFreePort({ first: 65_535, taken: new Set([65_535]), reserved: none, companion: 0 }),
    undefined,
  )
})

t.test('with a companion, both are free and neither is another’s companion', async (t) => {
  const taken = new Set<number>()
  for (let index = 0; index < 2500; index++) {
    const port = lowestFreePort({ first: 12_080, taken, reserved: new Set([13_100]), companion: 1000 })
    taken.add(port ?? 0)
  }
  const all = [...taken].flatMap((port) => [port, port + 1000])
  t.equal(new Set(all).size, 5000)
  t.notOk(all.includes(13_100))
  t.equal(lowestFreePort({ first: 64_536, taken: none, reserved: none, companion: 1000 }), undefined)
})
