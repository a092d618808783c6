import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { AuditEntry } from '../../reconciler/model/audit.ts'
import { headOf } from '../conformance/audit-conformance.ts'
import { ask, signIn } from '../support/launcher.ts'
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
  const { start, deploy, editor, store, launcher } = instance
  t.equal((await start(), await signIn(launcher.port, 'olga', 'her-mistyped-secret')), undefined)
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
  const vera = await signIn(launcher.port, 'vera')
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
    ['sign-in-refused', 'olga', 'credentials'],
    ['deploy', 'olga', 'full', first],
    ['deploy', 'olga', 'full', first, second],
    ['deploy', 'olga', 'flow', second, third],
    ['deploy-refused', 'olga', 'version_mismatch'],
    ['library-changed', 'olga', 'functions/mine/greet'],
    ['credentials-exported', 'olga', 'debug/n'],
    ['settings-changed', 'olga', 'nodes node-red/inject off'],
    ['settings-changed', 'olga', 'nodes node-red on'],
    ['sign-in', 'vera'],
    ['access-refused', 'vera', 'flows.write /flows'],
    ['access-refused', 'POST /flows'],
    ['sign-out', 'vera'],
  ])
  t.ok(entries.every(({ at, receivedAt }) => at.endsWith('Z') && receivedAt !== undefined))
  t.notMatch(JSON.stringify(entries), /her-mistyped-secret|password|msg/)
  t.equal(statSync(spoolOf(instance)).mode & 0o777, 0o600)
  await until('nothing waits any more', () => linesOf(instance).length === 0)
  await headOf(store)
})
