import t from 'tap'
import type { LauncherState } from '../../../../launcher/wire.ts'
import { declaresOf } from '../../../../reconciler/drivers/launcher/facts.ts'
import { expectedFields, observedFields } from '../../../../reconciler/drivers/localfs/fields.ts'
import { placeInstance } from '../../../support/make-instance.ts'

const instance = placeInstance({
  fleet: 'fleet-a',
  port: 12080,
  spec: { modules: { 'node-red-contrib-x': '1.0.0' }, flows: { path: 'flows.json', digest: 'f1' } },
})
const declares = declaresOf(instance.spec)

function state(changes: Partial<LauncherState> = {}): LauncherState {
  return {
    uid: instance.uid,
    name: instance.spec.name,
    fleet: instance.fleet,
    phase: 'running',
    settings: instance.settings,
    settingsFile: 'intact',
    flows: 'f1',
    modules: { 'node-red-contrib-x': '1.0.0', 'by-hand': '2.0.0' },
    versions: { nodeRed: '5.0.7', node: '24.1.0' },
    port: 12080,
    restarts: 0,
    since: '2026-01-01T00:00:00.000Z',
    ...changes,
  }
}

const seen = { declares, launchers: 1, stackFiles: 'intact' } as const

t.test('a launcher that runs as declared shows exactly what is expected', async (t) => {
  t.strictSame(observedFields(state(), seen), expectedFields(instance))
})

t.test('while it starts, only what it was started with is said', async (t) => {
  for (const phase of ['installing', 'starting'] as const) {
    const fields = observedFields(state({ phase, modules: {}, settingsFile: 'missing' }), seen)
    const expected = expectedFields(instance)
    for (const [path, value] of Object.entries(fields)) t.equal(value, expected[path], path)
    t.notOk('settings' in fields)
  }
})

t.test('a module or flows that are gone are null, not left out', async (t) => {
  const { flows: _, ...without } = state({ modules: {} })
  t.match(observedFields(without, seen), { flows: null, 'modules.node-red-contrib-x': null })
})

t.test('what is not declared is no drift: the editor owns it', async (t) => {
  const owned = placeInstance({ fleet: 'fleet-a', port: 12080 })
  const fields = observedFields(state(), { ...seen, declares: declaresOf(owned.spec) })
  t.notOk('flows' in expectedFields(owned))
  t.equal(fields['flows'], 'f1', 'Git may be about to declare them')
  t.notOk(Object.keys(fields).some((path) => path.startsWith('modules.')))
})

t.test('declared credentials are intact, or changed by the editor', async (t) => {
  const flows = { path: 'f', digest: 'f1', credentials: { path: 'c', digest: 'c1' } }
  const spec = { ...instance.spec, flows }
  t.equal(expectedFields({ ...instance, spec })['flows.credentials'], 'intact')
  t.equal(observedFields(state({ credentials: 'changed' }), seen)['flows.credentials'], 'changed')
})

t.test('a crashed one shows the settings it crashed with, not its modules', async (t) => {
  const fields = observedFields(state({ phase: 'crashed', settings: 'old', modules: {} }), seen)
  t.match(fields, { state: 'running', settings: 'old' })
  t.notOk('modules.node-red-contrib-x' in fields)
})

t.test(
  'one in safe mode shows all that a running one shows: it is as declared, but for its flows standing still',
  async (t) => {
    const up = { settings: 'digest', flows: 'f', modules: {} }
    t.strictSame(
      observedFields(state({ phase: 'safe', ...up }), seen),
      observedFields(state({ phase: 'running', ...up }), seen),
    )
  },
)

t.test('stopped is stopped, whether a launcher is left or not', async (t) => {
  const stopped = placeInstance({ fleet: 'fleet-a', port: 1, spec: { state: 'stopped' } })
  t.strictSame(observedFields(state({ phase: 'stopped' }), seen), expectedFields(stopped))
})
