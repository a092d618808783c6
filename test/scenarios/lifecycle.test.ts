import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { createProcessTable } from '../../reconciler/drivers/localfs/processes.ts'
import { greetingFlows, textAt } from '../support/answering-flow.ts'
import { sha256 } from '../../reconciler/model/digest.ts'
import type { Plan } from '../../reconciler/model/plan.ts'
import {
  asRecord,
  end,
  instanceManifest,
  platform,
  setUpFleet,
  type FleetUnderTest,
} from '../support/fleet.ts'
import { until } from '../support/until.ts'

const withTokenOfBob = platform.replace(
  'metadata: { name: bob }\nspec: {',
  `metadata: { name: bob }\nspec: { tokens: [ { name: ci, sha256: ${sha256('token of bob')} } ],`,
)

/** Whether the admin API of an editor lets a machine with bob's token read. */
async function readsAsBob(editor: string): Promise<boolean> {
  return (await fetch(`${editor}flows`, { headers: { authorization: 'Bearer token of bob' } })).status === 200
}

t.test('a fleet follows its repository, and drift is put back', async (t) => {
  const fleet = await setUpFleet(t)
  const { repository } = fleet
  await repository.write('flows/greet.json', greetingFlows())
  const greeter = (greeting: string, more = '') =>
    instanceManifest(
      'greeter',
      `flows: { path: flows/greet.json }, env: [ { name: GREETING, value: ${greeting} } ]${more}`,
    )
  await repository.write('greeter.yaml', greeter('hello'))
  await repository.write('quiet.yaml', instanceManifest('quiet'))
  await repository.commit('Two instances')
  const server = await fleet.serve()
  const first = await fleet.ready('greeter')
  await fleet.ready('quiet')
  t.equal(await textAt(`${String(first['url'])}hello`), 'hello')

  await repository.write('greeter.yaml', greeter('good evening'))
  await repository.commit('Greet by evening')
  await until(
    'the editor greets anew',
    async () => (await textAt(`${String(first['url'])}hello`)) === 'good evening',
  )
  t.equal((await fleet.ready('greeter'))['uid'], first['uid'], 'the instance is the same')

  await repository.write(
    'greeter.yaml',
    greeter('good evening').replace('name: greeter', 'name: porter, previously: greeter'),
  )
  await repository.commit('Rename')
  const renamed = await fleet.ready('porter')
  t.match(renamed, { uid: first['uid'], url: first['url'] }, 'a rename keeps identity and port')

  const table = createProcessTable({ platform: process.platform })
  const [launcher] = (await fleet.launchers()).filter(({ directory }) =>
    directory.endsWith(String(first['uid'])),
  )
  if (launcher === undefined) throw new Error('no launcher')
  await table.signal(launcher, 'SIGKILL')
  await until(
    'another launcher is there',
    async () => (await fleet.launchers()).length === 2 && !(await table.isStill(launcher)),
  )
  await fleet.ready('porter')
  t.equal(await textAt(`${String(first['url'])}hello`), 'good evening', 'a killed launcher is started again')

  const settings = join(fleet.data, 'instances', String(first['uid']), 'user/settings.js')
  await writeFile(settings, 'module.exports = {}')
  await repository.write('README.md', 'wakes the loop')
  await repository.commit('Nothing that matters')
  await until(
    'settings.js is put back',
    async () => (await readFile(settings, 'utf8')) !== 'module.exports = {}',
  )
  await fleet.ready('porter')

  await rm(join(fleet.data, 'instances', String(first['uid'])), {
    recursive: true,
    force: true,
    maxRetries: 5,
  })
  await repository.write('README.md', 'wakes it again')
  await repository.commit('Nothing either')
  await until(
    'the instance is back',
    async () => (await textAt(`${String(first['url'])}hello`)) === 'good evening',
  )
  const again = await fleet.ready('porter')
  t.match(again, { uid: first['uid'], url: first['url'] }, 'a deleted instance comes back as itself')

  await repository.write('quiet.yaml', instanceManifest('quiet', 'state: stopped'))
  await repository.commit('Stop quiet')
  await fleet.ready('quiet', (view) => view['phase'] === 'stopped')
  await until('a stopped instance has no process', async () => (await fleet.launchers()).length === 1)

  const bobReads = async () => readsAsBob(String(first['url']))
  await repository.write('platform.yaml', withTokenOfBob)
  const pids = fleet.nodeReds()
  await repository.commit('bob gets a token')
  await until('bob reads', bobReads)
  const members = await readFile(
    join(fleet.data, 'instances', String(first['uid']), 'user/members.json'),
    'utf8',
  )
  t.match(members, /"alice"/)
  t.notMatch(members, /passwordHash/, 'no hash goes where nobody asks for a password')
  await repository.write('platform.yaml', withTokenOfBob.replace(', { user: bob, role: viewer }', ''))
  await repository.commit('bob leaves')
  await until('bob reads no more', async () => !(await bobReads()))
  t.same(fleet.nodeReds(), pids, 'and nothing restarted for it')

  await end(server, 'SIGTERM')
  t.equal((await fleet.launchers()).length, 1, 'instances survive the reconciler')
  await fleet.serve()
  await fleet.ready('porter')
  t.same(fleet.nodeReds(), pids, 'and are adopted by the next one')
})

/** What the API says of the plan, as far as these tests look at it. */
type PlanSeen = Pick<Plan, 'id' | 'revision' | 'actions' | 'problems' | 'refusals'>

t.test('nothing is deleted because something could not be read', async (t) => {
  // a look every second, also at a source that cannot tell of changes any more
  const fleet = await setUpFleet(t, "schedule: '* * * * * *'\n")
  const { repository } = fleet
  const names = ['one', 'two', 'three', 'four']
  for (const name of names) await repository.write(`${name}.yaml`, instanceManifest(name))
  await repository.commit('Four instances')
  await fleet.serve()
  for (const name of names) await fleet.ready(name)
  let pids = fleet.nodeReds()
  const planFor = async (revision: string) =>
    until(`a plan for ${revision}`, async () => {
      const plan = await planSeen(fleet)
      return plan?.revision === revision ? plan : undefined
    })
  /** Whoever deletes says so in the journal first: after one more whole round nobody has begun to. */
  const assertNothingDeleted = async (why: string) => {
    await roundsPass(fleet, 2)
    const steps = JSON.stringify(await fleet.api('journal?limit=200'))
    t.match(steps, '"action":"create"')
    t.notMatch(steps, '"action":"delete"', why)
    t.same(fleet.nodeReds(), pids, why)
  }

  await repository.remove('one.yaml')
  await repository.write('two.yaml', 'kind: [')
  const broken = await planFor(await repository.commit('One gone, one broken'))
  t.same(deletedBy(broken), [])
  t.same(heldBy(broken), ['incomplete-source one', 'incomplete-source two'])
  await assertNothingDeleted('a broken document deletes nothing')

  await repository.write('one.yaml', instanceManifest('one'))
  await repository.write('two.yaml', instanceManifest('two', 'sate: running'))
  const mistaken = await planFor(await repository.commit('A field that nobody knows'))
  t.same(deletedBy(mistaken), [])
  t.same(heldBy(mistaken), ['held two'])
  const uid = String((await fleet.instance('two'))?.['uid'])
  const table = createProcessTable({ platform: process.platform })
  for (const launcher of await fleet.launchers())
    if (launcher.directory.endsWith(uid)) await table.signal(launcher, 'SIGKILL')
  await until('one is gone', () => fleet.nodeReds().length === 3)
  await until('a held instance is brought back', () => fleet.nodeReds().length === 4)
  pids = fleet.nodeReds()

  await repository.write('two.yaml', instanceManifest('two'))
  await repository.remove('one.yaml')
  await repository.remove('three.yaml')
  const halved = await planFor(await repository.commit('Two gone'))
  t.same(deletedBy(halved), ['one', 'three'])
  t.match(halved.refusals, [{ policy: 'max-deletions' }])
  await assertNothingDeleted('half of the fleet is not deleted without being allowed')

  for (const name of ['two', 'four', 'platform']) await repository.remove(`${name}.yaml`)
  await repository.commit('Empty')
  await sourceFails(fleet, 'no-resources')
  await assertNothingDeleted('an empty repository deletes nothing')
  t.equal((await planSeen(fleet))?.id, halved.id, 'what was read before stays in force')

  await rename(repository.directory, `${repository.directory}-away`)
  await sourceFails(fleet, 'source-unreachable')
  await assertNothingDeleted('a repository that is gone deletes nothing')
  t.equal((await planSeen(fleet))?.id, halved.id, 'what was read before stays in force')
  await rename(`${repository.directory}-away`, repository.directory)

  await repository.write('platform.yaml', platform)
  for (const name of ['one', 'three', 'four']) await repository.write(`${name}.yaml`, instanceManifest(name))
  await repository.commit('All but one')
  await until('one is deleted', async () => (await fleet.launchers()).length === 3)
  await until('nobody knows of it', async () => (await fleet.instance('two')) === undefined)
})

async function planSeen(fleet: FleetUnderTest): Promise<PlanSeen | undefined> {
  // the API's answer is this project's own
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return (await fleet.api('plan')) as PlanSeen | undefined
}

function deletedBy({ actions }: PlanSeen): readonly string[] {
  return actions.filter(({ kind }) => kind === 'delete').map(({ target }) => target.name)
}

function heldBy({ problems }: PlanSeen): readonly string[] {
  return problems.map(({ code, target }) => `${code} ${target}`).toSorted()
}

/** Waits until the reconciler has said of its source that it fails in this way. */
async function sourceFails(fleet: FleetUnderTest, code: string): Promise<void> {
  await until(`the source fails by ${code}`, async () => {
    const source = asRecord(asRecord(await fleet.api('fleet'))?.['source'])
    return asRecord(source?.['error'])?.['code'] === code
  })
}

/** Waits until so many more rounds have ended; all but the first of them have begun after the call. */
async function roundsPass(fleet: FleetUnderTest, count: number): Promise<void> {
  const lastRound = async () => asRecord(await fleet.api('fleet'))?.['observedAt']
  for (let round = 0; round < count; round += 1) {
    const before = await lastRound()
    await until('another round has ended', async () => ![undefined, before].includes(await lastRound()))
  }
}

t.test('a machine that comes up while Git is away brings its instances back', async (t) => {
  const fleet = await setUpFleet(t)
  const { repository } = fleet
  await repository.write('flows/greet.json', greetingFlows())
  await repository.write(
    'greeter.yaml',
    instanceManifest(
      'greeter',
      'flows: { path: flows/greet.json }, env: [ { name: GREETING, value: hello } ]',
    ),
  )
  await repository.write('platform.yaml', withTokenOfBob)
  await repository.commit('One instance')
  const before = await fleet.serve()
  const { url } = await fleet.ready('greeter')
  await end(before, 'SIGKILL')
  const table = createProcessTable({ platform: process.platform })
  for (const launcher of await fleet.launchers()) await table.signal(launcher, 'SIGKILL')
  await until('nothing runs', () => fleet.nodeReds().length === 0)
  const configuration = await readFile(fleet.config, 'utf8')
  const away = 'url: "file:///nowhere/fleet.git", allow: [file]'
  await writeFile(fleet.config, configuration.replace('url: repository', away))

  const server = await fleet.serve()
  await until('the flows answer again', async () => (await textAt(`${String(url)}hello`)) === 'hello')
  t.ok(await readsAsBob(String(url)), 'and their members get in')
  await end(server, 'SIGTERM')
})
