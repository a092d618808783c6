import t from 'tap'
import { createDesiredLoader } from '../../reconciler/desired/load-desired.ts'
import { createValidators } from '../../reconciler/desired/validators.ts'
import type { DesiredState } from '../../reconciler/model/desired-state.ts'
import { snapshotOf } from '../support/memory-files.ts'

const validators = createValidators()

async function load(files: Readonly<Record<string, string>>): Promise<DesiredState> {
  const loader = createDesiredLoader({ validators, defaultDriver: 'localfs' })
  return loader.load(snapshotOf(files), AbortSignal.timeout(60_000))
}

const codes = ({ diagnostics }: DesiredState): readonly string[] => diagnostics.map(({ code }) => code)

const resource = (kind: string, name: string, spec: string): string =>
  `apiVersion: weir/v1\nkind: ${kind}\nmetadata: { name: ${name} }\nspec: ${spec}\n`

const platform = [
  resource('Stack', 'node-red-5', '{ nodeRed: 5.0.7 }'),
  resource('Team', 'assembly', '{}'),
].join('---\n')

t.test('what is said of flows is put together field by field', async (t) => {
  const tab = '[{"id":"a","type":"tab"}]'
  const encrypted = JSON.stringify({ $: `${'0'.repeat(32)}AAAA` })
  const template = (flows: string) =>
    resource('Template', 'flowing', `{ stack: node-red-5, flows: ${flows} }`)
  const instance = (flows?: string) =>
    resource(
      'Instance',
      'press',
      `{ team: assembly, template: flowing${flows === undefined ? '' : `, flows: ${flows}`} }`,
    )
  const loaded = async (templates: string, own?: string) =>
    load({
      'platform.yaml': platform,
      't/t.yaml': template(templates),
      't/flows.json': tab,
      't/cred.json': encrypted,
      'i/press.yaml': instance(own),
      'i/flows.json': '[]',
      'i/plain.json': '{"a":{"password":"canary"}}',
    })
  const press = async (templates: string, own?: string) => {
    const desired = await loaded(templates, own)
    t.strictSame(codes(desired), [])
    return desired.instances.get('press')
  }
  const whole = '{ path: flows.json, credentials: cred.json, onEdit: lock, credentialSecret: s }'
  const inherited = await press(whole)
  t.match(inherited, {
    flows: { path: 't/flows.json', credentials: { path: 't/cred.json' }, onEdit: 'lock' },
    credentialSecret: { secret: 's' },
  })
  const own = await press(whole, '{ path: flows.json, onEdit: revert }')
  t.match(own, { flows: { path: 'i/flows.json' }, credentialSecret: { secret: 's' } })
  t.strictSame(Object.keys(own?.flows ?? {}), ['path', 'digest'], 'credentials belong to their own flows')
  const key = await press('{ onEdit: lock, credentialSecret: s }', '{ credentialSecret: mine }')
  t.match(key, { flows: undefined, credentialSecret: { secret: 'mine' } })

  const plain = await loaded('{ path: flows.json }', '{ path: flows.json, credentials: plain.json }')
  t.strictSame(codes(plain), ['invalid-credentials'])
  t.ok(plain.held.has('press'))
  t.notMatch(JSON.stringify(plain.diagnostics), /canary/)
})
