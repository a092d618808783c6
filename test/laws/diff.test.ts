import * as fc from 'fast-check'
import t from 'tap'
import { backOffAfter, delayAfter, mayTry } from '../../reconciler/apply/back-off.ts'
import type { Fields } from '../../reconciler/model/fields.ts'
import { declaredChanges, driftedFields, equal } from '../../reconciler/plan/diff-fields.ts'

const json = fc.json().map((text): Fields[string] => JSON.parse(text))
const fields: fc.Arbitrary<Fields> = fc.dictionary(fc.constantFrom('a', 'b', 'constructor', 'toString'), json)

t.test('equality', async () => {
  fc.assert(fc.property(json, (a) => equal(a, structuredClone(a))))
  fc.assert(fc.property(json, json, (a, b) => equal(a, b) === equal(b, a)))
  fc.assert(fc.property(json, json, (a, b) => equal(a, b) || JSON.stringify(a) !== JSON.stringify(b)))
})

t.test('differences', async () => {
  fc.assert(fc.property(fields, (a) => declaredChanges(a, structuredClone(a)).length === 0))
  fc.assert(
    fc.property(fields, fields, (a, b) => {
      const [there, back] = [declaredChanges(a, b), declaredChanges(b, a)]
      return JSON.stringify(there.map(({ path }) => path)) === JSON.stringify(back.map(({ path }) => path))
    }),
  )
  fc.assert(
    fc.property(fields, fields, (expected, seen) =>
      driftedFields(expected, seen).every(
        ({ path }) => Object.hasOwn(expected, path) && Object.hasOwn(seen, path),
      ),
    ),
  )
})

t.test('back-off', async (t) => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1000 }),
      (n) => delayAfter(n) <= delayAfter(n + 1) && delayAfter(n) >= 2_000 && delayAfter(n) <= 300_000,
    ),
  )
  t.strictSame([1, 2, 3, 4, 5, 6].map(delayAfter), [2_000, 6_000, 18_000, 54_000, 162_000, 300_000])
  const first = backOffAfter(undefined, 'r1', 1_000)
  t.strictSame(first, { failures: 1, until: 3_000, revision: 'r1' })
  t.strictSame(backOffAfter(first, 'r1', 3_000), { failures: 2, until: 9_000, revision: 'r1' })
  t.equal(backOffAfter(first, 'r2', 3_000).failures, 1, 'a new revision begins anew')
  t.ok(mayTry(undefined, 'r1', 0))
  t.notOk(mayTry(first, 'r1', 2_999))
  t.ok(mayTry(first, 'r1', 3_000))
  t.ok(mayTry(first, 'r2', 0), 'a new revision is tried at once')
})
