import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { AuditEntry } from '../../reconciler/model/audit.ts'
import { headOf } from '../conformance/audit-conformance.ts'
import { ask } from '../support/launcher.ts'
import { type StoredInstance, storedInstance, uid } from '../support/stored-instance.ts'
import { until } from '../support/until.ts'

const tab = (id: string) => [{ id, type: 'tab', label: id }]

/** What the trail says of this instance, oldest first. */
async function told({ store }: Pick<StoredInstance, 'store'>): Promise<readonly AuditEntry[]> {
  const entries = await store.audit({ limit: 500, instance: { name: 'press-1', uid } })
  return entries.toReversed()
}

async function toldAtLeast(instance: StoredInstance, event: string, count = 1) {
  return until(`${event} is in the trail`, async () => {
    const found = (await told(instance)).filter((entry) => entry.event === event)
    return found.length >= count ? found : undefined
  })
}

const spoolOf = ({ launcher }: StoredInstance) => join(launcher.directory, 'storage/audit/spool.jsonl')
const linesOf = (instance: StoredInstance) =>
  existsSync(spoolOf(instance)) ? readFileSync(spoolOf(instance), 'utf8').split('\n').filter(Boolean) : []

t.test('what people do in an editor is in the trail, with the digests of the store', async (t) => {
  const instance = await storedInstance(t)
  const { start, deploy, editor, signIn, store, launcher } = instance
  await start()
  t.equal(await signIn('dora'), undefined)
  t.equal((await deploy(tab('one'))).status, 200)
  const first = (await store.flows(uid))?.revision
  t.equal((await deploy([...tab('one'), { id: 'n', type: 'debug', z: 'one', wires: [] }])).status, 200)
  const second = (await store.flows(uid))?.revision
  t.equal((await editor('POST', '/flow', { label: 'three', nodes: [] })).status, 200)
  const third = (await store.flows(uid))?.revision
  t.equal((await deploy(tab('stale'), 'another')).status, 409)
  t.equal((await editor('POST', '/library/local/functions/mine/greet', { text: 'msg' })).status, 204)
  t.equal((await editor('GET', '/credentials/debug/n')).status, 200)
  t.equal((await editor('PUT', '/nodes/node-red/inject', { enabled: false })).status, 200)
  t.equal((await editor('PUT', '/nodes/node-red', { enabled: true })).status, 200)
  t.equal((await editor('POST', '/settings/user', { editor: { view: {} } })).status, 204)
  t.equal((await editor('DELETE', '/context/global/shift?store=memory')).status, 204)
  const vera = await signIn('vera')
  const headers = { authorization: `Bearer ${vera}`, 'content-type': 'application/json' }
  const url = `http://127.0.0.1:${launcher.port}`
  t.equal((await ask(`${url}/flows`, { method: 'POST', headers, body: '[]' })).status, 401)
  t.equal((await ask(`${url}/flows`, { method: 'POST', body: '[]' })).status, 401)
  t.equal((await ask(`${url}/flows`)).status, 401)
  const body = JSON.stringify({ token: vera })
  t.equal((await ask(`${url}/auth/revoke`, { method: 'POST', headers, body })).status, 200)
  await toldAtLeast(instance, 'sign-out')

  const entries = await told(instance)
  const short = entries.map(({ event, user, target, flowsBefore, flowsAfter }) =>
    [event, user, target, flowsBefore, flowsAfter].filter((one) => one !== undefined),
  )
  t.same(short, [
    ['sign-in', 'olga'],
    ['sign-in-refused', 'dora', 'oauth'],
    ['deploy', 'olga', 'full', first],
    ['deploy', 'olga', 'full', first, second],
    ['deploy', 'olga', 'flow', second, third],
    ['deploy-refused', 'olga', 'version_mismatch'],
    ['library-changed', 'olga', 'functions/mine/greet'],
    ['credentials-exported', 'olga', 'debug/n'],
    ['settings-changed', 'olga', 'nodes node-red/inject off'],
    ['settings-changed', 'olga', 'nodes node-red on'],
    ['settings-changed', 'olga', 'preferences in the editor'],
    ['context-deleted', 'olga', 'global/shift'],
    ['sign-in', 'vera'],
    ['access-refused', 'vera', 'flows.write /flows'],
    ['access-refused', 'POST /flows'],
    ['sign-out', 'vera'],
  ])
  t.ok(entries.every(({ at, receivedAt }) => at.endsWith('Z') && receivedAt !== undefined))
  t.notMatch(JSON.stringify(entries), /password|msg/)
  t.equal(statSync(spoolOf(instance)).mode & 0o777, 0o600)
  await until('nothing waits any more', () => linesOf(instance).length === 0)
  await headOf(store)
})

t.test('what happened while the reconciler was away arrives later, in order and once', async (t) => {
  const instance = await storedInstance(t)
  const { start, deploy, link, launcher, killNodeRed } = instance
  await start()
  await toldAtLeast(instance, 'sign-in')
  await until('the spool is empty', () => linesOf(instance).length === 0)
  link.mode = 'down'
  for (const id of ['one', 'two', 'three']) t.equal((await deploy(tab(id))).status, 200)
  await until('they wait', () => linesOf(instance).length === 3)
  await killNodeRed()
  t.equal((await deploy(tab('four'))).status, 200)
  await until('the fourth waits behind them', () => linesOf(instance).length === 4)
  t.equal((await toldAtLeast(instance, 'sign-in')).length, 1)
  link.mode = 'deaf'
  await toldAtLeast(instance, 'deploy', 4)
  link.mode = 'up'
  await until('nothing waits any more', () => linesOf(instance).length === 0)
  const deploys = await toldAtLeast(instance, 'deploy')
  t.equal(deploys.length, 4, 'none doubled')
  for (const [index, { flowsBefore }] of deploys.entries())
    t.equal(flowsBefore, deploys[index - 1]?.flowsAfter, `deploy ${index + 1} follows the one before`)
  t.match(launcher.console(), /\[warn\] Events of the audit trail wait on this machine/)
  await headOf(instance.store)
})

t.test('a deploy that ran and was not taken is told as that', async (t) => {
  const instance = await storedInstance(t)
  const { start, deploy, link, store } = instance
  await start()
  await deploy(tab('one'))
  const base = (await store.flows(uid))?.revision ?? ''
  link.mode = 'down'
  await deploy(tab('mine'))
  const other = { nodes: JSON.stringify(tab('other')), credentials: '{}', savedAt: 'now', base }
  t.same(await store.saveFlows(uid, { ...other, revision: '0'.repeat(64) }), { saved: true })
  link.mode = 'up'
  const [refused] = await toldAtLeast(instance, 'deploy-refused')
  const deploys = await toldAtLeast(instance, 'deploy', 2)
  const mine = { user: 'olga', flowsBefore: base, flowsAfter: deploys[1]?.flowsAfter }
  t.match(deploys[1], mine)
  t.match(refused, { ...mine, target: 'stale' })
})
