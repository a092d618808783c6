import t from 'tap'
import { localfsEffects } from '../../reconciler/drivers/localfs/effects.ts'
import type { Fields } from '../../reconciler/model/fields.ts'
import { planExisting } from '../../reconciler/plan/plan-instance.ts'
import { resolvedInstance } from '../support/make-instance.ts'

const spec = resolvedInstance('press')

function planUnder(configured: Fields, applied: Fields) {
  const entry = {
    uid: 'u1',
    name: 'press',
    driver: 'localfs',
    applied: {
      spec,
      expected: { state: 'running' },
      configured: applied,
      revision: 'r',
      at: '2026-01-01T00:00:00.000Z',
    },
  } as const
  const seen = {
    kind: 'present',
    uid: 'u1',
    name: 'press',
    phase: 'running',
    fields: { state: 'running' },
  } as const
  return planExisting(spec, entry, seen, { effects: localfsEffects, configured })
}

t.test('an instance that was applied under another configuration is changed', async (t) => {
  t.match(planUnder({ 'localfs.host': '0.0.0.0' }, { 'localfs.host': '127.0.0.1' }), {
    kind: 'replace',
    cause: 'change',
    changes: [{ path: 'localfs.host', from: '127.0.0.1', to: '0.0.0.0' }],
  })
  t.match(planUnder({ 'localfs.allowInstallScripts': true }, { 'localfs.allowInstallScripts': false }), {
    kind: 'restart',
  })
})

t.test('one that was applied under the same, or under none that is known, is left alone', async (t) => {
  t.equal(planUnder({ 'localfs.host': '127.0.0.1' }, { 'localfs.host': '127.0.0.1' }), undefined)
  t.equal(planUnder({ 'localfs.host': '127.0.0.1' }, {}), undefined)
})
