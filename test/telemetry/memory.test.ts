import { getHeapSpaceStatistics } from 'node:v8'
import t from 'tap'
import { createGiveBack } from '../../reconciler/telemetry/memory.ts'

const young = (): number =>
  getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space')?.space_size ?? 0
const MiB = 1024 * 1024

/** Works in bursts, as reading a large fleet does, until the young generation is as large as that makes it. */
function work(): readonly object[] {
  const kept: object[] = []
  for (let turn = 0; turn < 50 && young() < 64 * MiB; turn += 1) {
    kept.length = 0
    for (let index = 0; index < 400_000; index += 1) kept.push({ index, text: `line-${index}` })
  }
  return kept.slice(0, 10)
}

t.test('a young generation that has grown is given back, once an hour at most', async (t) => {
  let now = Date.UTC(2026, 0, 1)
  const giveBack = createGiveBack({ now: () => new Date(now) })
  const kept = work()
  t.ok(young() >= 64 * MiB, 'it has grown')
  giveBack()
  t.ok(young() < 16 * MiB, 'and is small again')
  t.equal(kept.length, 10, 'what is in use stays')

  work()
  now += 60_000
  giveBack()
  t.ok(young() >= 64 * MiB, 'a minute later it is left alone')
  now += 3_600_000
  giveBack()
  t.ok(young() < 16 * MiB, 'an hour later it is not')
})
