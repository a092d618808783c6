import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { sha256 } from '../../reconciler/model/digest.ts'
import {
  asRecord,
  end,
  instanceManifest,
  platform,
  setUpFleet,
  type FleetUnderTest,
} from '../support/fleet.ts'
import { openRegistry } from '../support/npm-registry.ts'
import { until } from '../support/until.ts'

const user = (name: string, admin = false): string => `apiVersion: weir/v1
kind: User
metadata: { name: ${name} }
spec: { ${admin ? 'admin: true, ' : ''}tokens: [ { name: ci, sha256: ${sha256(`token of ${name}`)} } ] }
`

/** bob and carol view what the team has; both have a file of their own. */
const withCarol = (...gone: readonly string[]): string => {
  const members = ['bob', 'carol', 'dave'].filter((name) => !gone.includes(name))
  const named = members.map((name) => `, { user: ${name}, role: viewer }`).join('')
  return platform
    .replace(/---\napiVersion: weir\/v1\nkind: User\nmetadata: \{ name: bob \}\nspec: .*\n/, '')
    .replace(', { user: bob, role: viewer }', named)
}

/** Whether the admin API of an instance's editor lets a machine with somebody's token read. */
async function reads(name: string, view: Record<string, unknown>): Promise<boolean> {
  const headers = { authorization: `Bearer token of ${name}` }
  return (await fetch(`${String(view['url'])}flows`, { headers })).status === 200
}

async function writePeople({ repository }: FleetUnderTest): Promise<void> {
  await repository.write('platform.yaml', withCarol('dave'))
  for (const name of ['bob', 'carol']) await repository.write(`people/${name}.yaml`, user(name))
}

async function problemsOf(fleet: FleetUnderTest): Promise<string> {
  return JSON.stringify(asRecord(await fleet.api('plan')) ?? {})
}

t.test('a refused commit takes rights away, and does nothing else', { timeout: 200_000 }, async (t) => {
  const fleet = await setUpFleet(t)
  const { repository } = fleet
  await writePeople(fleet)
  for (const name of ['one', 'two']) await repository.write(`${name}.yaml`, instanceManifest(name))
  for (const name of ['three', 'four'])
    await repository.write(`${name}.yaml`, instanceManifest(name, 'state: stopped'))
  await repository.commit('Four instances')
  const server = await fleet.serve()
  const [one, two] = [await fleet.ready('one'), await fleet.ready('two')]
  await fleet.ready('four')
  t.ok((await reads('bob', one)) && (await reads('bob', two)))
  const pids = fleet.nodeReds()

  await repository.write('platform.yaml', withCarol('bob'))
  await repository.write('people/dave.yaml', user('dave'))
  await repository.write('people/erin.yaml', user('erin', true))
  await repository.write('one.yaml', instanceManifest('one', 'env: [ { name: SITE, value: berlin } ]'))
  for (const name of ['two', 'three']) await repository.remove(`${name}.yaml`)
  await repository.commit('bob leaves, dave and erin come, two instances go')
  await until('bob is out', async () => !(await reads('bob', one)) && !(await reads('bob', two)))
  t.ok((await reads('carol', one)) && (await reads('carol', two)), 'who is still named stays')
  for (const name of ['dave', 'erin']) t.notOk(await reads(name, one), `${name} is not let in`)
  await until('nothing is left to take away', async () => {
    const plan = asRecord(await fleet.api('plan')) ?? {}
    return plan['withdrawals'] === undefined && JSON.stringify(plan['refusals']).includes('max-deletions')
  })
  t.same(fleet.nodeReds(), pids, 'no instance restarts or ends')
  for (const name of ['two', 'three']) t.ok(await fleet.instance(name), `${name} is there`)
  t.notOk(await reads('dave', one))

  await end(server, 'SIGTERM')
  await repository.write('platform.yaml', withCarol('bob', 'carol'))
  await repository.commit('carol leaves')
  const configuration = await readFile(fleet.config, 'utf8')
  await writeFile(fleet.config, configuration.replace('localfs: {', 'localfs: { allowInstallScripts: true,'))
  t.match(await fleet.run(), { code: 1, stdout: /Refused/ }, 'a single run is refused as well')
  t.notOk((await reads('carol', one)) || (await reads('carol', two)), 'and ends when that is done')
  t.same(fleet.nodeReds(), pids, 'another configuration is not applied with it')
  await repository.write('two.yaml', instanceManifest('two'))
  await repository.write('three.yaml', instanceManifest('three', 'state: stopped'))
  await repository.commit('Nothing goes')
  t.match(await fleet.run(), { code: 0 })
  t.ok(await reads('dave', one), 'but with what is applied later')
  t.same(
    fleet.nodeReds().filter((pid) => pids.includes(pid)),
    [],
  )
})

t.test('a stack that cannot be had keeps nobody in', { timeout: 200_000 }, async (t) => {
  await openRegistry(t, await mkdtemp(join(tmpdir(), 'weir-registry-')), [])
  const fleet = await setUpFleet(t)
  const { repository } = fleet
  await writePeople(fleet)
  await repository.write('one.yaml', instanceManifest('one'))
  await repository.commit('An instance')
  await fleet.serve()
  const one = await fleet.ready('one')
  t.ok((await reads('bob', one)) && (await reads('carol', one)))
  const pids = fleet.nodeReds()

  const next = withCarol('bob').replace(/nodeRed: [^,]*/, 'nodeRed: 99.0.0')
  await repository.write('platform.yaml', next)
  await repository.write('people/dave.yaml', user('dave'))
  await repository.commit('bob leaves, dave comes, and Node-RED with them')
  await until('bob is out', async () => !(await reads('bob', one)))
  await until('it is told why the rest is not done', async () =>
    JSON.stringify((await fleet.instance('one')) ?? {}).includes('StackInstallFailed'),
  )
  t.ok(await reads('carol', one))
  t.notOk(await reads('dave', one), 'dave comes with the rest')
  t.same(fleet.nodeReds(), pids)
})

t.test('a secret that is missing keeps nobody in', { timeout: 200_000 }, async (t) => {
  const fleet = await setUpFleet(t)
  const { repository } = fleet
  const [secret, manifest] = [join(fleet.secrets, 'api-key'), 'one.yaml']
  const env = (more = '') => `env: [ { name: KEY, valueFrom: { secret: api-key } }${more} ]`
  await writeFile(secret, 'known')
  await writePeople(fleet)
  await repository.write(manifest, instanceManifest('one', env()))
  await repository.commit('An instance with a secret')
  const server = await fleet.serve()
  const one = await fleet.ready('one')
  t.ok((await reads('bob', one)) && (await reads('carol', one)))
  const pids = fleet.nodeReds()

  await rm(secret)
  await repository.write('platform.yaml', withCarol('bob'))
  await repository.write('people/dave.yaml', user('dave'))
  await repository.write(manifest, instanceManifest('one', env(', { name: SITE, value: berlin }')))
  await repository.commit('bob leaves, dave comes')
  await until('bob is out', async () => !(await reads('bob', one)))
  t.ok(await reads('carol', one))
  t.notOk(await reads('dave', one), 'dave is not let in')
  const held = await until('nothing is left to do', async () => {
    const view = await fleet.instance('one')
    const said = JSON.stringify(view?.['conditions'] ?? '')
    return said.includes('MissingSecret') && said.includes('Converged') ? view : undefined
  })
  t.equal(held['phase'], 'running')

  await end(server, 'SIGTERM')
  await fleet.serve()
  await repository.write('platform.yaml', withCarol('bob', 'carol'))
  await repository.commit('carol leaves')
  await until('carol is out too', async () => !(await reads('carol', one)))
  t.same(fleet.nodeReds(), pids, 'and nothing restarted for it')

  await writeFile(secret, 'known')
  await repository.commit('The secret is back')
  // It restarts with what else was declared.
  await until('dave is let in', async () => reads('dave', one).catch(() => false))
})

t.test(
  'a user who is invalid at a start stays in, and keeps nobody else in',
  { timeout: 200_000 },
  async (t) => {
    const fleet = await setUpFleet(t)
    const { repository } = fleet
    await writePeople(fleet)
    await repository.write('one.yaml', instanceManifest('one'))
    await repository.commit('An instance')
    const server = await fleet.serve()
    const one = await fleet.ready('one')
    t.ok((await reads('bob', one)) && (await reads('carol', one)))

    await end(server, 'SIGTERM')
    await repository.write('people/bob.yaml', user('bob').replace('tokens', 'tokns'))
    await repository.commit('A slip of the pen')
    await fleet.serve()
    await until('the instance is held', async () => (await problemsOf(fleet)).includes('is left as it is'))
    t.ok((await reads('bob', one)) && (await reads('carol', one)))
    await repository.write('platform.yaml', withCarol('dave', 'carol'))
    await repository.commit('carol leaves')
    await until('carol is out', async () => !(await reads('carol', one)))
    t.ok(await reads('bob', one))
  },
)

t.test(
  'a file that was removed takes rights away beside one that cannot be read',
  { timeout: 200_000 },
  async (t) => {
    const fleet = await setUpFleet(t)
    const { repository } = fleet
    await writePeople(fleet)
    await repository.write('people/erin.yaml', user('erin', true))
    await repository.write('one.yaml', instanceManifest('one'))
    await repository.write('two.yaml', instanceManifest('two'))
    await repository.commit('Two instances')
    await fleet.serve()
    const [one, two] = [await fleet.ready('one'), await fleet.ready('two')]
    for (const name of ['bob', 'carol', 'erin'])
      t.ok((await reads(name, one)) && (await reads(name, two)), name)

    for (const name of ['bob', 'carol', 'erin']) await repository.remove(`people/${name}.yaml`)
    const cut = `${instanceManifest('two')}---\n${user('carol').replace(' } ] }', '')}`
    await repository.write('two.yaml', cut.replace('metadata: { name: two }', 'metadata: { name: two'))
    await repository.commit('bob and erin leave, carol moves')
    for (const name of ['bob', 'erin'])
      await until(`${name} is out`, async () => !(await reads(name, one)) && !(await reads(name, two)))
    t.ok(
      (await reads('carol', one)) && (await reads('carol', two)),
      'who may have been moved is not shut out',
    )
    const left = 'access to \\"one\\" and \\"two\\" is left to \\"carol\\"'
    await until('that is told', async () => (await problemsOf(fleet)).includes(left))
    t.match(await readFile(join(fleet.data, '../serve.log'), 'utf8'), /access-kept.*carol.*two\.yaml/)

    await repository.write('two.yaml', instanceManifest('two'))
    await repository.commit('Mended, and carol stands nowhere')
    await until('carol is out', async () => !(await reads('carol', one)) && !(await reads('carol', two)))
  },
)
