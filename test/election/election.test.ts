import fc from 'fast-check'
import t from 'tap'
import { simulateElection, type Act, type Mishap } from '../support/simulated-election.ts'

/** Every mishap is over by then. */
const quiet = 60_000
const end = 100_000

const mishap = fc.record({
  at: fc.integer({ min: 0, max: quiet - 20_000 }),
  who: fc.integer({ min: 0, max: 2 }),
  lasts: fc.integer({ min: 100, max: 20_000 }),
  kind: fc.constantFrom('hold', 'cut', 'lose', 'slow'),
})

function withEnds(
  mishaps: readonly (Omit<Mishap, 'kind'> & { lasts: number; kind: 'hold' | 'cut' | 'lose' | 'slow' })[],
) {
  return mishaps.flatMap(({ at, who, lasts, kind }): readonly Mishap[] => [
    { at, who, kind },
    { at: at + lasts, who, kind: kind === 'hold' ? 'go' : 'join' },
  ])
}

function holdersOf(acts: readonly Act[]): ReadonlyMap<number, ReadonlySet<number>> {
  const holders = new Map<number, Set<number>>()
  for (const { term, who } of acts) holders.set(term, (holders.get(term) ?? new Set()).add(who))
  return holders
}

t.test('whatever is held still or cut off, one acts, and somebody does', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(mishap, { maxLength: 8 }), async (mishaps) => {
      const acts = await simulateElection(3, withEnds(mishaps), end)
      const late = acts.find(({ term }, at) => term < (acts[at - 1]?.term ?? 0))
      if (late !== undefined)
        throw new Error(`r${late.who} acted in term ${late.term} at ${late.at}, too late`)
      for (const [term, who] of holdersOf(acts))
        if (who.size > 1) throw new Error(`several acted in term ${term}`)
      if ((acts.at(-1)?.at ?? 0) < end - 1_000) throw new Error('nobody acts at the end')
    }),
    { numRuns: 60 },
  )
  t.pass('in every run')
})

t.test('another one leads within 15 s, and at once where the leader ends its term', async (t) => {
  for (const kind of ['hold', 'cut', 'lose'] as const) {
    const acts = await simulateElection(2, [{ at: 20_000, who: 0, kind }], 60_000)
    const before = acts.filter(({ who }) => who === 0).at(-1)
    const after = acts.find(({ who }) => who === 1)
    t.equal(before?.term, 1)
    t.ok((before?.at ?? 0) <= 27_000, `${kind}: it acts no longer than it may`)
    t.ok((after?.at ?? 60_000) <= 35_000, `${kind}: the other one acts at ${after?.at}`)
    t.ok((after?.at ?? 0) > (before?.at ?? 0))
  }
})

t.test('a renewal counts from when it was asked for, not from its answer', async (t) => {
  const mishaps = [
    { at: 20_000, who: 0, kind: 'slow' },
    { at: 26_500, who: 0, kind: 'cut' },
  ] as const
  const acts = await simulateElection(2, mishaps, 60_000)
  const before = acts.filter(({ who }) => who === 0).at(-1)
  const after = acts.find(({ who }) => who === 1)
  t.ok((before?.at ?? 0) < (after?.at ?? 0), `${before?.at} is before ${after?.at}`)
})
