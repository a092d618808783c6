import t from 'tap'
import {
  parseStateDocument,
  StateDocumentError,
  toStateDocument,
} from '../../reconciler/status/state-document.ts'
import { fleetStatus } from '../support/fleet-fixture.ts'

const document: unknown = JSON.parse(JSON.stringify(toStateDocument(fleetStatus())))

t.test('it holds no password and no token', async (t) => {
  t.notMatch(JSON.stringify(document), /passwordHash|sha256/)
})

t.test('a newer reconciler may say more', async (t) => {
  t.equal(parseStateDocument({ ...Object(document), news: 1 }).fleet, 'fleet-1')
})

t.test('before the first observation', async (t) => {
  const { observed: _observed, observedAt: _at, ...status } = fleetStatus()
  const state = parseStateDocument(JSON.parse(JSON.stringify(toStateDocument(status))))
  t.equal(state.observed.observations.size, 0)
  t.equal(state.inventory.size, 2)
})

t.test('anything else is refused with the place', async (t) => {
  const wrong: readonly (readonly [unknown, RegExp])[] = [
    [undefined, /must be object/],
    ['<html>', /must be object/],
    [{}, /required property 'apiVersion'/],
    [{ ...Object(document), apiVersion: 'weir/v2' }, /\/apiVersion/],
    [{ ...Object(document), inventory: [{ uid: 1 }] }, /\/inventory\/0/],
    [{ ...Object(document), observations: [{ kind: 'perhaps', uid: 'u' }] }, /\/observations\/0/],
    [{ ...Object(document), unreachable: { localfs: 1 } }, /\/unreachable/],
  ]
  for (const [value, message] of wrong)
    t.throws(() => parseStateDocument(value), { constructor: StateDocumentError, message })
})
