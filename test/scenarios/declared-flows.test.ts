import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import knexPackage from 'knex'
import t, { type Test } from 'tap'
import { isEncryptedCredentials } from '../../reconciler/model/encrypted-credentials.ts'
import type { Plan } from '../../reconciler/model/plan.ts'
import { Secret } from '../../reconciler/model/secret.ts'
import { decryptCredentials } from '../../reconciler/secrets/node-credentials.ts'
import { openEditor } from '../support/editor.ts'
import {
  asRecord,
  end,
  instanceManifest,
  password,
  setUpFleet,
  type FleetUnderTest,
} from '../support/fleet.ts'
import { until } from '../support/until.ts'

/** Nothing is corrected but when a commit wakes the loop, so that a dry run can look before. */
const seldom = 'schedule: "0 0 1 1 *"\n'

const tab = { id: 'tab1', type: 'tab', label: 'Press', disabled: false, info: '', env: [] }
const node = (id: string, type: string, name: string, more: object = {}) => ({
  id,
  type,
  z: 'tab1',
  name,
  x: 100,
  y: 100,
  wires: [],
  ...more,
})
const declared = [
  tab,
  node('c1', 'comment', 'keep', { info: '' }),
  node('c2', 'comment', 'change', { info: '' }),
  node('c3', 'comment', 'remove', { info: '' }),
]
const edited = [
  tab,
  node('c1', 'comment', 'keep', { info: '' }),
  node('c2', 'comment', 'change', { info: 'changed' }),
  node('h1', 'http request', 'ask', { credentials: { user: 'olga', password: 'hidden word' } }),
]
const ids = (nodes: readonly { readonly id: string }[]) => nodes.map(({ id }) => id)

async function dryRun(fleet: FleetUnderTest): Promise<{ readonly code: number; readonly plan: Plan }> {
  const { code, stdout, stderr } = await fleet.run('--dry-run', '--output', 'json')
  if (stdout === '') throw new Error(stderr)
  return { code, plan: JSON.parse(stdout) }
}

const flowsCommand = async (fleet: FleetUnderTest, ...args: string[]) => fleet.run('flows', ...args)

/** What a credentials file says, by a key. */
function opened(text: string, key: string): unknown {
  const file: unknown = JSON.parse(text)
  return isEncryptedCredentials(file) ? decryptCredentials(file, new Secret(key))?.reveal() : undefined
}

async function keyInSettings({ data }: FleetUnderTest): Promise<string> {
  const [uid = ''] = await readdir(join(data, 'instances'))
  const settings = asRecord(JSON.parse(await readFile(join(data, 'instances', uid, 'settings.json'), 'utf8')))
  return String(settings?.['credentialSecret'])
}

async function begin(t: Test, spec: string): Promise<FleetUnderTest> {
  return (await beginServing(t, spec)).fleet
}

async function beginServing(t: Test, spec: string) {
  const fleet = await setUpFleet(t, seldom)
  await fleet.repository.write('press.json', JSON.stringify(declared))
  await fleet.repository.write('press.yaml', instanceManifest('press', spec))
  await fleet.repository.commit('Add a press')
  const server = await fleet.serve()
  await fleet.ready('press')
  return { fleet, server }
}

t.test('a deploy over declared flows is told node by node, put back, and kept', async (t) => {
  const fleet = await begin(t, 'flows: { path: press.json }')
  const editor = await openEditor(fleet.firstPort, 'alice', password)
  t.same(ids(await editor.flows()), ids(declared))
  t.match(await editor.deploy(edited), { status: 200 })
  const { code, plan } = await dryRun(fleet)
  t.equal(code, 2)
  t.match(plan.actions, [
    {
      kind: 'restart',
      cause: 'drift',
      effect: 'flows restart',
      edited: {
        added: 1,
        changed: 1,
        removed: 1,
        by: 'alice',
        nodes: [
          { edit: 'added', type: 'http request', name: 'ask', id: 'h1' },
          { edit: 'changed', type: 'comment', name: 'change' },
          { edit: 'removed', type: 'comment', name: 'remove' },
        ],
        more: 0,
      },
    },
  ])
  t.notMatch(JSON.stringify(plan), /hidden word/)
  const [drifted] = (await dryRun(fleet)).plan.actions
  t.same(drifted, plan.actions[0], 'a dry run changes nothing')
  await fleet.repository.commit('Wake it')
  await until('they are put back', async () => ids(await editor.flows()).includes('c3'))
  await fleet.ready('press')
  t.equal((await dryRun(fleet)).code, 0)

  const { stdout: kept } = await flowsCommand(fleet, 'kept', 'press')
  const [, number = ''] =
    /^(\d+) {2}4 nodes, deployed over declared flows, saved \S+ by alice/.exec(kept) ?? []
  const { stdout } = await flowsCommand(fleet, 'export', 'press', '--kept', number)
  t.same(ids(JSON.parse(stdout)), ids(edited), 'what was deployed can be had again')
  const secret = await flowsCommand(fleet, 'export', 'press', '--kept', number, '--credentials')
  t.same(opened(secret.stdout, await keyInSettings(fleet)), {
    h1: { user: 'olga', password: 'hidden word' },
  })
})

t.test('a damaged row of flows is told, and keeps nothing else from being done', async (t) => {
  const { fleet, server } = await beginServing(t, 'flows: { path: press.json }')
  const { repository, data } = fleet
  const editor = await openEditor(fleet.firstPort, 'alice', password)
  t.match(await editor.deploy(edited), { status: 200 })
  await end(server, 'SIGTERM')
  const filename = join(data, 'weir.db')
  const db = knexPackage.knex({ client: 'sqlite3', connection: { filename }, useNullAsDefault: true })
  await db('instance_flows').update({ nodes: '[{"id":"tab' })
  await db.destroy()
  const { plan } = await dryRun(fleet)
  t.match(plan.problems, [
    { code: 'damaged-flows', target: 'press', message: /deploy them anew.*or restore/ },
  ])
  await repository.write('late.yaml', instanceManifest('late', 'state: stopped'))
  await repository.commit('One more')
  await fleet.serve()
  await fleet.ready('late', (view) => view['phase'] === 'stopped')
  await until('the declared flows are put back', async () => ids(await editor.flows()).includes('c3'))
  await fleet.ready('press')
  t.match(await readFile(join(data, '../serve.log'), 'utf8'), /damaged-flows/)
})

t.test('what an editor deployed is exported, committed, and nothing restarts for it', async (t) => {
  const fleet = await begin(t, '')
  const editor = await openEditor(fleet.firstPort, 'alice', password)
  t.match(await editor.deploy(edited), { status: 200 })
  const pids = fleet.nodeReds()
  const flows = await flowsCommand(fleet, 'export', 'press')
  const credentials = await flowsCommand(fleet, 'export', 'press', '--credentials')
  t.match(
    [flows, credentials],
    [
      { code: 0, stderr: '' },
      { code: 0, stderr: '' },
    ],
  )
  t.ok(flows.stdout.endsWith(']\n'))
  t.notMatch(flows.stdout, /hidden word/)
  await fleet.repository.write('press.json', flows.stdout)
  await fleet.repository.write('press.yaml', instanceManifest('press', 'flows: { path: press.json }'))
  await fleet.repository.commit('Declare what runs')
  await until('nothing is left to do', async () => (await dryRun(fleet)).code === 0)
  t.same(fleet.nodeReds(), pids, 'Node-RED was left as it ran')
  t.equal((await flowsCommand(fleet, 'export', 'press')).stdout, flows.stdout, 'the same text again')

  await fleet.repository.write('press_cred.json', credentials.stdout)
  await fleet.repository.write(
    'press.yaml',
    instanceManifest('press', 'flows: { path: press.json, credentials: press_cred.json }'),
  )
  await fleet.repository.commit('Declare the credentials too')
  await until('nothing is left to do', async () => (await dryRun(fleet)).code === 0)
  const again = await openEditor(fleet.firstPort, 'alice', password)
  t.same(ids(await again.flows()), ids(edited))
  const changed = edited.map((one) =>
    'credentials' in one ? { ...one, credentials: { password: 'other' } } : one,
  )
  t.match(await again.deploy(changed), { status: 200 })
  const drift = await dryRun(fleet)
  t.match(drift.plan.actions, [
    {
      kind: 'restart',
      changes: [{ path: 'flows.credentials', from: 'changed', to: 'intact', cause: 'drift' }],
    },
  ])
  await fleet.repository.commit('Wake it')
  await until('they are put back', async () => (await dryRun(fleet)).code === 0)
  await until('the store has them', async () => {
    const { stdout } = await flowsCommand(fleet, 'export', 'press', '--credentials')
    return stdout === credentials.stdout
  })

  await fleet.repository.write(
    'press.yaml',
    instanceManifest('press', 'flows: { path: press.json, credentials: press_cred.json, onEdit: lock }'),
  )
  await fleet.repository.commit('Lock the editor')
  await until('nobody may deploy', async () => (await again.deploy(edited)).status !== 200)
  const reader = await openEditor(fleet.firstPort, 'alice', password)
  t.same(ids(await reader.flows()), ids(edited), 'it can be read')
  t.not((await reader.deploy(declared)).status, 200)
  t.equal((await dryRun(fleet)).code, 0)
})

t.test('a key is changed without loss, and a wrong one stops the change alone', async (t) => {
  const fleet = await begin(t, '')
  const editor = await openEditor(fleet.firstPort, 'alice', password)
  t.match(await editor.deploy(edited), { status: 200 })
  const plain = { h1: { user: 'olga', password: 'hidden word' } }
  const exported = async () => (await flowsCommand(fleet, 'export', 'press', '--credentials')).stdout
  const own = await keyInSettings(fleet)
  t.same(opened(await exported(), own), plain)
  const stored = async (key: string) => {
    const text = await exported()
    return opened(text, key) !== undefined
  }
  const declare = async (flows: string) => {
    await fleet.repository.write('press.yaml', instanceManifest('press', `flows: { ${flows} }`))
    await fleet.repository.commit('Change the flows')
  }

  await declare('credentialSecret: press-key')
  const missing = await until('the secret is missed', async () => {
    const { stdout, stderr } = await fleet.run('--dry-run')
    return stderr.includes('"press-key"') && `${stdout}${stderr}`
  })
  t.match(missing, /is not in the folder of secrets/)
  t.equal(await keyInSettings(fleet), own, 'it runs on as it is')

  await writeFile(join(fleet.secrets, 'press-key'), 'first declared key\n')
  await fleet.repository.commit('Wake it')
  await until(
    'the declared key is in force',
    async () => (await keyInSettings(fleet)) === 'first declared key',
  )
  await until('they are encrypted anew', async () => stored('first declared key'))
  t.same(opened(await exported(), 'first declared key'), plain)

  await writeFile(join(fleet.secrets, 'press-key'), 'second declared key\n')
  await fleet.repository.commit('Wake it')
  await until('they are encrypted anew', async () => stored('second declared key'))
  t.same(opened(await exported(), 'second declared key'), plain, 'nothing was lost on the way')
  await until('nothing is left to do', async () => (await dryRun(fleet)).code === 0)

  await fleet.repository.write('press.json', (await flowsCommand(fleet, 'export', 'press')).stdout)
  await writeFile(join(fleet.secrets, 'other'), 'another key\n')
  const wrong = await flowsCommand(fleet, 'export', 'press', '--secret', 'other')
  t.same(opened(wrong.stdout, 'another key'), plain)
  await fleet.repository.write('press_cred.json', wrong.stdout)
  const pids = fleet.nodeReds()
  await declare('path: press.json, credentials: press_cred.json, credentialSecret: press-key')
  const refused = await dryRun(fleet)
  t.equal(refused.code, 1)
  t.match(refused.plan, {
    actions: [],
    problems: [
      { code: 'undecryptable-credentials', target: 'press', message: /press_cred\.json.*"press-key"/ },
    ],
  })
  await until('it is told', async () =>
    JSON.stringify(await fleet.instance('press')).includes('UndecryptableCredentials'),
  )
  t.same(fleet.nodeReds(), pids, 'it runs on')
  await declare('path: press.json, credentials: press_cred.json, credentialSecret: other')
  await until('the right key is in force', async () => (await keyInSettings(fleet)) === 'another key')
  await until('nothing is left to do', async () => (await dryRun(fleet)).code === 0)
  t.same(opened(await exported(), 'another key'), plain)
})

t.test('from the editor to Git and back nothing is lost', async (t) => {
  const fleet = await begin(t, '')
  const plain = { h1: { user: 'olga', password: 'hidden word' } }
  const editor = await openEditor(fleet.firstPort, 'alice', password)
  t.match(await editor.deploy(edited), { status: 200 })
  await fleet.repository.write(
    'press.yaml',
    instanceManifest('press', 'flows: { path: press.json, credentialSecret: press-key }'),
  )
  await writeFile(join(fleet.secrets, 'press-key'), 'a declared key\n')
  await fleet.repository.commit('Declare other flows')
  await until('they run', async () => {
    const { stdout } = await flowsCommand(fleet, 'export', 'press')
    return ids(JSON.parse(stdout)).includes('c3')
  })
  await fleet.ready('press')
  const { stdout: kept } = await flowsCommand(fleet, 'kept', 'press')
  const [, number = ''] = /^(\d+) {2}4 nodes, the editor's own, saved \S+ by alice/.exec(kept) ?? []
  const before = await flowsCommand(fleet, 'export', 'press', '--kept', number)
  t.same(ids(JSON.parse(before.stdout)), ids(edited))
  const secret = await flowsCommand(fleet, 'export', 'press', '--kept', number, '--credentials')
  t.same(opened(secret.stdout, 'a declared key'), plain, 'under the key that is in force now')
  const own = await flowsCommand(fleet, 'export', 'press', '--kept', number, '--own')
  t.match(own, { code: 0 })
  t.same(opened(own.stdout, 'a declared key'), undefined)

  await fleet.repository.write('press.json', before.stdout)
  await fleet.repository.write('press_cred.json', own.stdout)
  await fleet.repository.write(
    'press.yaml',
    instanceManifest('press', 'flows: { path: press.json, credentials: press_cred.json }'),
  )
  await fleet.repository.commit('Take the flows of the editor, and its own key')
  await until('nothing is left to do', async () => (await dryRun(fleet)).code === 0)
  await fleet.repository.write('press.yaml', instanceManifest('press'))
  await fleet.repository.commit('Leave them to the editor')
  await until('nothing is left to do', async () => (await dryRun(fleet)).code === 0)
  await fleet.ready('press')
  t.equal((await flowsCommand(fleet, 'export', 'press')).stdout, before.stdout)
  const after = await flowsCommand(fleet, 'export', 'press', '--credentials')
  t.same(opened(after.stdout, await keyInSettings(fleet)), plain)
})

t.test('what cannot be exported is said, and the master key lies where it is named', async (t) => {
  const fleet = await setUpFleet(t, 'key: master/fleet.key\n')
  const key = join(dirname(fleet.config), 'master/fleet.key')
  await mkdir(dirname(key))
  await writeFile(key, `${'7f'.repeat(32)}\n`, { mode: 0o600 })
  t.match(await flowsCommand(fleet, 'export', 'press'), { code: 1, stderr: /There is no store .*no flows/ })
  await fleet.repository.write('press.yaml', instanceManifest('press', 'state: stopped'))
  await fleet.repository.commit('Add a press')
  t.equal((await fleet.run()).code, 0)
  t.notOk((await readdir(fleet.data)).includes('fleet.key'))
  t.match(await flowsCommand(fleet, 'export', 'press'), { code: 0, stdout: '[]\n' })
  t.match(await flowsCommand(fleet, 'export', 'press', '--credentials'), {
    code: 0,
    stdout: /^\{\n {2}"\$": "/,
  })
  await rename(key, `${key}.away`)
  t.match(await flowsCommand(fleet, 'export', 'press', '--credentials'), {
    code: 1,
    stderr: /fleet\.key is missing/,
  })
  await writeFile(key, `${'80'.repeat(32)}\n`)
  t.match(await flowsCommand(fleet, 'export', 'press', '--credentials'), {
    code: 1,
    stderr: /cannot be unsealed/,
  })
  await rename(`${key}.away`, key)
  for (const [args, why] of [
    [['export', 'other'], /knows no instance "other"/],
    [['export', 'press', '--kept', '7'], /nothing with the number 7/],
    [['export', 'press', '--secret', 'none'], /no secret "none"/],
  ] as const)
    t.match(await flowsCommand(fleet, ...args), { code: 1, stdout: '', stderr: why }, args.join(' '))
})
