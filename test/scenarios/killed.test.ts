import { execFile } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { AuditEntry } from '../../reconciler/model/audit.ts'
import { openSqliteStore } from '../../reconciler/store/sqlite-store.ts'
import type { JournalEntry } from '../../reconciler/store/store.ts'
import { createProcessTable } from '../../reconciler/drivers/localfs/processes.ts'
import { systemClock } from '../../reconciler/telemetry/clock.ts'
import { headOf } from '../conformance/audit-conformance.ts'
import { greetingFlows, textAt } from '../support/answering-flow.ts'
import { end, instanceManifest, setUpFleet, type FleetUnderTest } from '../support/fleet.ts'
import { freePortPair } from '../support/free-port.ts'
import { isolatedGitEnvironment } from '../support/git-repository.ts'
import { until } from '../support/until.ts'

/** What is declared of the one instance of a fleet. */
interface Declared {
  readonly name: string
  readonly greeting: string
  readonly port?: number
  readonly previously?: string
}

const killed = join(import.meta.dirname, '../support/killed-reconciler.ts')

/** The steps of one kind of change at which a reconciler has been killed; complete once one was not. */
class Steps {
  readonly done: string[] = []
  complete = false

  /** Runs a reconciler that kills itself at the first step at which none was killed before. */
  async kill(fleet: FleetUnderTest): Promise<string> {
    const where = await runKilled([fleet.config, ...this.done])
    this.complete = where === undefined
    if (where !== undefined) this.done.push(where)
    return where ?? 'no more steps'
  }
}

async function runKilled(args: readonly string[]): Promise<string | undefined> {
  const env = { ...isolatedGitEnvironment, HOME: process.env['HOME'] }
  return new Promise((resolve, reject) => {
    const child = execFile(process.execPath, [killed, ...args], { env }, (_, stdout, stderr) => {
      if (child.signalCode === 'SIGKILL') resolve(stdout)
      else if (child.exitCode === 0) resolve(undefined)
      else reject(new Error(`it ended with ${child.exitCode ?? child.signalCode}: ${stdout}${stderr}`))
    })
  })
}

async function declare({ repository }: FleetUnderTest, declared: Declared | undefined): Promise<void> {
  if (declared === undefined) await repository.remove('instance.yaml')
  else {
    const { name, greeting, port, previously } = declared
    const spec = `flows: { path: greet.json }, env: [ { name: GREETING, value: ${greeting} } ]`
    await repository.write(
      'instance.yaml',
      instanceManifest(
        name,
        port === undefined ? spec : `${spec}, port: ${port}`,
        previously === undefined ? '' : `previously: ${previously}`,
      ),
    )
  }
  await repository.commit('Declare')
}

/** What a store holds that no process has open; as `--dry-run` reads it. */
async function readStore(fleet: FleetUnderTest) {
  await using store = await openSqliteStore({
    file: join(fleet.data, 'weir.db'),
    clock: systemClock,
    newId: () => '',
    readOnly: true,
  })
  await headOf(store)
  const [inventory, journal] = [await store.inventory(), await store.journal({ limit: 1000 })]
  return { inventory, journal, trail: await store.audit({ limit: 5000 }) }
}

/** Every step's end is told once, and every change of somebody's access follows from the one before. */
function assertTold(t: Test, journal: readonly JournalEntry[], trail: readonly AuditEntry[]): void {
  const ends = trail.filter(({ event }) => event === 'action')
  t.same(
    ends.map(({ key, outcome, uid }) => `${key} ${outcome} ${uid}`).toSorted(),
    journal.map(({ id, outcome, uid }) => `action/${id} ${outcome} ${uid}`).toSorted(),
  )
  const roles = new Map<string, string | undefined>()
  for (const { uid, user, from, to } of trail.filter(({ event }) => event === 'access').toReversed()) {
    if (roles.get(`${uid} ${user}`) !== from || from === to) t.fail(`${user} had no role ${from} on ${uid}`)
    roles.set(`${uid} ${user}`, to)
  }
}

/** Converges by the real program, and holds the world against what is declared. */
async function assertConverges(
  t: Test,
  fleet: FleetUnderTest,
  declared: Declared | undefined,
): Promise<void> {
  await readStore(fleet)
  const { code, stdout, stderr } = await fleet.run('--allow-deletions')
  t.equal(code, 0, `it converges: ${stdout}${stderr}`)
  const { inventory, journal, trail } = await readStore(fleet)
  t.same(
    journal.filter(({ outcome }) => outcome === undefined),
    [],
    'no step of the journal is open',
  )
  assertTold(t, journal, trail)
  t.same(
    inventory.map(({ name }) => name),
    declared === undefined ? [] : [declared.name],
  )
  const uids = inventory.map(({ uid }) => uid)
  const instances = join(fleet.data, 'instances')
  t.same(
    (await fleet.launchers()).map(({ directory }) => directory),
    uids.map((uid) => join(instances, uid)),
  )
  t.equal(fleet.nodeReds().length, uids.length, 'one Node-RED for each')
  t.same(
    (await readdir(instances)).toSorted(),
    [...uids, 'package.json'].toSorted(),
    'no folder is left over',
  )
  for (const uid of uids)
    t.same(
      (await readdir(join(instances, uid))).filter((name) => /\.json.+|\.new$/.test(name)),
      [],
    )
  t.same(await readdir(join(fleet.data, 'trash')).catch(() => []), [], 'the trash is empty')
  for (const { port } of inventory)
    t.equal(await textAt(`http://127.0.0.1:${port}/hello`), declared?.greeting, 'the editor answers')
}

interface Change {
  /** What is being applied when the reconciler is killed. */
  readonly apply: Declared | undefined
  /** What is declared after that, where it is something else. */
  readonly afterwards?: Declared | undefined
  /** What must be the same after it. */
  readonly keeps?: Partial<Identity>
}

/** Kills a reconciler at the next step of a change and lets another converge. */
async function killDuring(t: Test, fleet: FleetUnderTest, steps: Steps, change: Change): Promise<void> {
  const { apply, keeps = {} } = change
  await declare(fleet, apply)
  const where = await steps.kill(fleet)
  await t.test(where, async (t) => {
    const wanted = 'afterwards' in change ? change.afterwards : apply
    if ('afterwards' in change) await declare(fleet, wanted)
    await assertConverges(t, fleet, wanted)
    t.match(await identity(fleet), keeps, 'identity and port are what they were')
  })
}

interface Identity {
  readonly uid?: string | undefined
  readonly port?: number | undefined
}

async function identity(fleet: FleetUnderTest): Promise<Identity> {
  const [entry] = (await readStore(fleet)).inventory
  return { uid: entry?.uid, port: entry?.port }
}

async function newFleet(t: Test, configuration = ''): Promise<FleetUnderTest> {
  const fleet = await setUpFleet(t, configuration)
  await fleet.repository.write('greet.json', greetingFlows())
  return fleet
}

t.test('a reconciler killed at every step of a creation, and of a deletion', async (t) => {
  const fleet = await newFleet(t)
  const [creation, deletion] = [new Steps(), new Steps()]
  for (let count = 1; !creation.complete || !deletion.complete; count++) {
    await killDuring(t, fleet, creation, { apply: { name: `press-${count}`, greeting: `hello-${count}` } })
    await killDuring(t, fleet, deletion, { apply: undefined })
  }
  t.match(creation.done.join(), /allot.*beginAction.*other launchers.*saveApplied.*endAction/)
  t.match(deletion.done.join(), /beginAction.*other trash.*forget.*endAction/)
})

t.test('a reconciler killed at every step of a creation that is taken back', async (t) => {
  const fleet = await newFleet(t)
  const creation = new Steps()
  while (!creation.complete)
    await killDuring(t, fleet, creation, {
      apply: { name: 'press', greeting: 'hello' },
      afterwards: undefined,
    })
})

t.test('a reconciler killed at every step of an update, a replacement and a rename', async (t) => {
  const fleet = await newFleet(t)
  let now: Declared = { name: 'press-0', greeting: 'hello-0' }
  await declare(fleet, now)
  await assertConverges(t, fleet, now)
  const [update, replacement, rename] = [new Steps(), new Steps(), new Steps()]
  for (let count = 1; !update.complete || !replacement.complete || !rename.complete; count++) {
    const is = await identity(fleet)
    now = { ...now, greeting: `hello-${count}` }
    if (!update.complete) await killDuring(t, fleet, update, { apply: now, keeps: is })
    now = { ...now, name: `press-${count}`, previously: now.name }
    if (!rename.complete) await killDuring(t, fleet, rename, { apply: now, keeps: is })
    if (replacement.complete) continue
    now = { ...now, port: await freePortPair() }
    await killDuring(t, fleet, replacement, { apply: now, keeps: { uid: is.uid, port: now.port } })
  }
  t.match(replacement.done.join(), /beginAction.*setPort.*other launchers.*saveApplied.*endAction/)
  t.match(rename.done.join(), /beginAction.*rename.*saveApplied.*endAction/)
})

t.test('what a killed reconciler left on its way is waited for', async (t) => {
  const fleet = await newFleet(t)
  const declared: Declared = { name: 'press', greeting: 'hello' }
  await declare(fleet, declared)
  t.equal(await runKilled([fleet.config, '--at', 'after saveApplied (1)']), 'after saveApplied (1)')
  const [nodeRed = 0] = await until(
    'Node-RED begins',
    () => fleet.nodeReds().length === 1 && fleet.nodeReds(),
  )
  process.kill(nodeRed, 'SIGSTOP')
  const converged = assertConverges(t, fleet, declared)
  await until(
    'the next reconciler sees it',
    async () => (await fleet.instance('press'))?.['phase'] === 'starting',
  )
  process.kill(nodeRed, 'SIGCONT')
  await converged
  t.same(fleet.nodeReds(), [nodeRed], 'it was left to come up')
})

t.test('reconciler, launcher and Node-RED killed in any order', async (t) => {
  const fleet = await newFleet(t, "schedule: '* * * * * *'\n")
  await declare(fleet, { name: 'press', greeting: 'hello' })
  let server = await fleet.serve()
  await fleet.ready('press')
  const is = await identity(fleet)
  const table = createProcessTable({ platform: process.platform })
  const signalLaunchers = async (signal: NodeJS.Signals) => {
    const launchers = await fleet.launchers()
    for (const launcher of launchers) await table.signal(launcher, signal)
    return launchers.map(({ pid }) => pid)
  }
  const killLaunchers = async () => signalLaunchers('SIGKILL')
  const killNodeReds = async () => {
    const pids = await until('Node-RED runs', () => fleet.nodeReds().length === 1 && fleet.nodeReds())
    for (const pid of pids) process.kill(pid, 'SIGKILL')
    return pids
  }
  const killServer = async () => {
    await end(server, 'SIGKILL')
    return []
  }
  const serveAgain = async () => {
    server = await fleet.serve()
    return []
  }
  const answersUnknown = async () => {
    await until('its state is unknown', async () => (await fleet.instance('press'))?.['phase'] === 'unknown')
    return []
  }

  const orders: readonly (readonly [string, readonly (() => Promise<readonly number[]>)[]])[] = [
    ['a launcher', [killLaunchers]],
    ['a launcher, then the reconciler', [killLaunchers, killServer, serveAgain]],
    ['the reconciler, then a launcher', [killServer, killLaunchers, serveAgain]],
    ['the reconciler, then Node-RED', [killServer, killNodeReds, serveAgain]],
    ['Node-RED three times', [killNodeReds, killNodeReds, killNodeReds]],
    ['Node-RED and its launcher', [killNodeReds, killLaunchers]],
    [
      'a launcher and its Node-RED',
      [async () => (await Promise.all([killLaunchers(), killNodeReds()])).flat()],
    ],
    ['all three', [killServer, killNodeReds, killLaunchers, serveAgain]],
    [
      'a launcher that hangs, and goes on',
      [
        async () => (await signalLaunchers('SIGSTOP')).slice(0, 0),
        answersUnknown,
        async () => (await signalLaunchers('SIGCONT')).slice(0, 0),
      ],
    ],
    [
      'a launcher that hangs, and is killed',
      [
        async () => (await signalLaunchers('SIGSTOP')).slice(0, 0),
        killServer,
        serveAgain,
        answersUnknown,
        killLaunchers,
      ],
    ],
  ]
  for (const [order, steps] of orders)
    await t.test(order, async (t) => {
      const dead: number[] = []
      for (const step of steps) dead.push(...(await step()))
      await until('one of each is there, and none of those before', async () => {
        const launchers = (await fleet.launchers()).map(({ pid }) => pid)
        const nodeReds = fleet.nodeReds()
        return (
          launchers.length === 1 &&
          nodeReds.length === 1 &&
          ![...launchers, ...nodeReds].some((pid) => dead.includes(pid)) &&
          (await textAt(`http://127.0.0.1:${is.port}/hello`)) === 'hello'
        )
      })
      const view = await fleet.ready('press')
      t.equal(view['uid'], is.uid)
      t.equal((await fleet.launchers()).length, 1)
      t.equal(fleet.nodeReds().length, 1)
      t.same(new Set(await readdir(join(fleet.data, 'instances'))), new Set([is.uid, 'package.json']))
    })
})
