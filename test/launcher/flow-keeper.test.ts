import { randomUUID } from 'node:crypto'
import { createRequire } from 'node:module'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { ownFolder } from '../support/own-folder.ts'
import { stubFlowsDoor, type StubDoor } from '../support/stub-door.ts'
import { until } from '../support/until.ts'

const load = createRequire(import.meta.url)
const { FlowKeeper } = load('../../launcher/plugins/storage/flow-keeper.cjs')
const { createDeploySpool } = load('../../launcher/plugins/storage/deploy-spool.cjs')
const { createLocalFlows } = load('../../launcher/plugins/storage/local-flows.cjs')
const { createCredentialKeys } = load('../../launcher/plugins/storage/credential-keys.cjs')

interface Keeper {
  getFlows(): Promise<readonly { readonly id: string }[]>
  saveFlows(nodes: readonly object[], by?: string): Promise<void>
  saveCredentials(credentials: object): void
}

const tab = (id: string) => [{ id, type: 'tab' }]

/** A keeper, and what Node-RED around it would run. */
function keeperIn(folder: string, door: StubDoor, limits?: object) {
  const [warnings, told]: [string[], (readonly [string, string | undefined])[]] = [[], []]
  const state = { runs: '', failsToReload: 0 }
  const run = async () => {
    state.runs = (await keeper.getFlows()).map(({ id }) => id).join()
  }
  async function reload() {
    if (state.failsToReload > 0) {
      state.failsToReload -= 1
      return false
    }
    await run()
    return true
  }
  const user = join(folder, 'user')
  mkdirSync(user, { recursive: true })
  mkdirSync(join(folder, 'storage'), { recursive: true })
  const keeper: Keeper = new FlowKeeper({
    door,
    spool: createDeploySpool(join(folder, 'storage'), limits),
    local: createLocalFlows({ folder: join(folder, 'storage'), user }),
    declared: false,
    declaredCredentials: undefined,
    keys: createCredentialKeys([]),
    reload,
    loadNow: run,
    newId: randomUUID,
    undelivered: () => undefined,
    tell: (what: string, text?: string) => told.push([what, text]),
    info: () => undefined,
    warn: (text: string) => warnings.push(text),
    random: () => 0,
    now: () => '2026-01-01T00:00:00Z',
  })
  return { keeper, run, state, warnings, told }
}

/** Nothing can be written below a file. */
function fill(folder: string) {
  rmSync(folder, { recursive: true, force: true })
  writeFileSync(folder, '')
}

const namesIn = (folder: string) => (existsSync(folder) ? readdirSync(folder).toSorted() : [])

t.test('flows that a start had no answer for run as soon as there is one', async (t) => {
  const door = stubFlowsDoor(tab('stored'))
  door.mode = 'down'
  const { run, state, warnings } = keeperIn(ownFolder(), door)
  await run()
  t.equal(state.runs, '')
  t.match(warnings, [/no flows on this machine/])
  state.failsToReload = 1
  door.mode = 'up'
  await until('they run', () => state.runs === 'stored')
})

t.test('an old copy runs no longer than until the store answers', async (t) => {
  const folder = ownFolder()
  const door = stubFlowsDoor(tab('old'))
  await keeperIn(folder, door).run()
  door.stored = stubFlowsDoor(tab('new')).stored
  door.mode = 'down'
  const { run, state, warnings } = keeperIn(folder, door)
  await run()
  t.equal(state.runs, 'old')
  t.match(warnings, [/last ones on this machine/])
  door.mode = 'up'
  await until('the new ones run', () => state.runs === 'new')
})

t.test('a full disk costs copies, not flows', async (t) => {
  const folder = ownFolder()
  const door = stubFlowsDoor(tab('stored'))
  const { keeper, run, state, warnings } = keeperIn(folder, door)
  await run()
  fill(join(folder, 'storage'))
  fill(join(folder, 'user'))
  await run()
  t.equal(state.runs, 'stored')
  await keeper.saveFlows(tab('deployed'))
  t.match(door.stored, 'deployed')
  t.match(warnings.at(-1), /cannot be written/)
  door.mode = 'down'
  await t.rejects(keeper.saveFlows(tab('lost')), { code: 'ENOTDIR' }, 'neither has it')
  door.mode = 'up'
  await keeper.saveFlows(tab('next'))
  t.match(door.stored, 'next')
})

t.test('whoever conflicts has the flows of the store when they learn of it', async (t) => {
  const door = stubFlowsDoor(tab('one'))
  const { keeper, run, state } = keeperIn(ownFolder(), door)
  await run()
  door.stored = stubFlowsDoor(tab('other')).stored
  await t.rejects(keeper.saveFlows(tab('mine')), { status: 409, code: 'version_mismatch' })
  t.equal(state.runs, 'other')
  await keeper.saveFlows(tab('merged'))
  t.match(door.stored, 'merged')
})

t.test('what became stale while Node-RED was down does not run first', async (t) => {
  const folder = ownFolder()
  const door = stubFlowsDoor(tab('one'))
  const before = keeperIn(folder, door)
  await before.run()
  door.mode = 'down'
  await before.keeper.saveFlows(tab('mine'))
  t.match(before.told.at(-1), ['deploy-waits', /waits on this machine/])
  door.stored = stubFlowsDoor(tab('other')).stored
  // As after a kill: what delivers there goes on in nobody's name.
  const copy = copied(t, folder)
  door.mode = 'up'
  const after = keeperIn(copy, door)
  await after.run()
  t.equal(after.state.runs, 'other')
  t.match(
    after.told.find(([what]) => what === 'deploy-lost'),
    ['deploy-lost', /not taken/],
  )
  t.match(namesIn(join(copy, 'storage/not-delivered')), [/stale/])
})

t.test('the spool has an end, and keeps nothing that it did not take', async (t) => {
  const folder = ownFolder()
  const door = stubFlowsDoor(tab('one'))
  const limits = { deploys: 2, bytes: 1_000_000, apart: 1 }
  const { keeper, run } = keeperIn(folder, door, limits)
  await run()
  door.mode = 'down'
  await keeper.saveFlows(tab('two'))
  await t.rejects(keeper.saveFlows([{ id: 'large', func: 'x'.repeat(1_000_000) }]), /as many as may/)
  await keeper.saveFlows(tab('three'))
  await t.rejects(keeper.saveFlows(tab('four')), /Nothing was deployed: the reconciler is away/)
  const spool = join(folder, 'storage/spool')
  t.equal(namesIn(spool).length, 2)
  door.stored = stubFlowsDoor(tab('other')).stored
  door.mode = 'up'
  await until('all is set apart', () => namesIn(spool).length === 0)
  await until('the older is gone', () => namesIn(join(folder, 'storage/not-delivered')).length === 1)
})

t.test('what cannot be read is not taken for damaged', async (t) => {
  const folder = t.testdir({ storage: { spool: { '000000001.json': {} } } })
  const door = stubFlowsDoor(tab('one'))
  door.mode = 'down'
  await t.rejects(keeperIn(folder, door).run(), { code: 'EISDIR' })
  t.same(namesIn(join(folder, 'storage/not-delivered')), [])
  const other = t.testdir({
    storage: { 'flows.json': '{"nodes"' },
    user: { 'flows.json': '[{"id":"bare"}]' },
  })
  const { run, state } = keeperIn(other, door)
  await run()
  t.equal(state.runs, '', 'nor are flows without their credentials taken instead')
  t.same(namesIn(join(other, 'storage/spool')), [])
})

function copied(t: Test, folder: string): string {
  const spool = join(folder, 'storage/spool')
  const files = namesIn(spool).map((name) => [name, readFileSync(join(spool, name), 'utf8')])
  const copy = readFileSync(join(folder, 'storage/flows.json'), 'utf8')
  return join(
    t.testdir({ copy: { storage: { spool: Object.fromEntries(files), 'flows.json': copy } } }),
    'copy',
  )
}
