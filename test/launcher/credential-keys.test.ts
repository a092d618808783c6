import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { RuntimeSettings } from '../../launcher/wire.ts'
import { digestOf } from '../../reconciler/model/digest.ts'
import { isEncryptedCredentials } from '../../reconciler/model/encrypted-credentials.ts'
import { Secret } from '../../reconciler/model/secret.ts'
import { decryptCredentials, encryptCredentials } from '../../reconciler/secrets/node-credentials.ts'
import { storedInstance, uid, type StoredInstance } from '../support/stored-instance.ts'
import { until } from '../support/until.ts'

const flows = (id: string, password?: string) => [
  { id, type: 'tab', label: id },
  {
    id: `${id}-in`,
    type: 'http request',
    z: id,
    wires: [],
    ...(password === undefined ? {} : { credentials: { user: 'u', password } }),
  },
]
const says = (id: string, password: string) => ({ [`${id}-in`]: { user: 'u', password } })

/** What the store's credentials say by a key; undefined where it is not theirs. */
async function storedBy({ store }: StoredInstance, key: string): Promise<unknown> {
  const file: unknown = JSON.parse((await store.flows(uid))?.credentials ?? '{}')
  return isEncryptedCredentials(file) ? decryptCredentials(file, new Secret(key))?.reveal() : undefined
}

let changes = 0
function change({ launcher }: StoredInstance, next: Partial<RuntimeSettings>): void {
  const { settings } = launcher.door
  if (settings === undefined) throw new Error('no settings')
  launcher.door.settings = { ...settings, digest: `changed-${++changes}`, ...next }
}

async function reload(t: Test, { launcher }: StoredInstance): Promise<void> {
  t.match(await launcher.admin('POST', '/reload'), { status: 200 })
}

const password = async ({ editor }: StoredInstance, id: string) =>
  until('Node-RED has its credentials', async () => {
    const { status, text } = await editor('GET', `/credentials/http-request/${id}-in`)
    return status === 200 && text !== '{}' && JSON.parse(text)
  })

t.test('credentials are encrypted anew with a changed key, and Node-RED has them', async (t) => {
  const instance = await storedInstance(t)
  await instance.start()
  await instance.deploy(flows('one', 'hidden'))
  t.same(await storedBy(instance, 'credential-secret'), says('one', 'hidden'))
  change(instance, { credentialSecret: 'next', earlierCredentialSecrets: ['credential-secret'] })
  await reload(t, instance)
  await until('the store has them', async () => storedBy(instance, 'next'))
  t.same(await storedBy(instance, 'next'), says('one', 'hidden'))
  t.match(await password(instance, 'one'), { user: 'u', has_password: true })
  t.match(await store(instance), { origin: 'editor', savedBy: 'olga' }, 'and they are still hers')
  t.match(await instance.deploy(flows('two', 'more')), { status: 200 })
  t.same(await storedBy(instance, 'next'), says('two', 'more'), 'and deploys go on')
})

const store = async (instance: StoredInstance) => instance.store.flows(uid)

t.test('a deploy with the old key that waits is not lost', async (t) => {
  const instance = await storedInstance(t)
  const { link, launcher } = instance
  await instance.start()
  await instance.deploy(flows('one', 'first'))
  link.mode = 'down'
  await instance.deploy(flows('two', 'second'))
  change(instance, { credentialSecret: 'next', earlierCredentialSecrets: ['credential-secret'] })
  launcher.process.kill('SIGKILL')
  link.mode = 'up'
  launcher.launch()
  await launcher.when('it runs on the new settings', ({ phase, settings }) => {
    return phase === 'running' && settings === launcher.door.settings?.digest
  })
  await until('the store has them', async () => storedBy(instance, 'next'))
  t.same(await storedBy(instance, 'next'), says('two', 'second'))
  t.match(await store(instance), { savedBy: 'olga' })
  t.same(instance.apart(), [])
})

t.test('killed at any moment of a change, it loses nothing', async (t) => {
  const instance = await storedInstance(t)
  const { launcher } = instance
  await instance.start()
  await instance.deploy(flows('one', 'hidden'))
  let before = 'credential-secret'
  for (const delay of [0, 60, 150, 300, 600]) {
    const next = `key after ${delay} ms`
    change(instance, { credentialSecret: next, earlierCredentialSecrets: [before] })
    const reloaded = launcher.admin('POST', '/reload').catch(() => undefined)
    const begun = Date.now()
    await until('the moment has come', () => Date.now() - begun >= delay)
    launcher.process.kill('SIGKILL')
    await reloaded
    launcher.launch()
    await until('the store has them', async () => storedBy(instance, next))
    t.same(await storedBy(instance, next), says('one', 'hidden'), `killed after ${delay} ms`)
    before = next
  }
})

t.test('a key that only this machine knows is known on', async (t) => {
  const instance = await storedInstance(t)
  await instance.start()
  await instance.deploy(flows('one', 'hidden'))
  change(instance, { credentialSecret: 'of another store' })
  await reload(t, instance)
  await until('the store has them', async () => storedBy(instance, 'of another store'))
  t.same(await storedBy(instance, 'of another store'), says('one', 'hidden'))
})

t.test('declared credentials are in force, and an edit of them is put back', async (t) => {
  const plain = says('one', 'declared')
  const credentials = encryptCredentials(
    new Secret(plain),
    new Secret('credential-secret'),
    Buffer.alloc(16, 7),
  )
  const nodes = flows('one')
  const instance = await storedInstance(t, { flows: { digest: digestOf(nodes), nodes, credentials } })
  const { launcher, deploy } = instance
  await instance.start()
  t.match(await password(instance, 'one'), { user: 'u', has_password: true })
  await until('the store has them', async () => storedBy(instance, 'credential-secret'))
  t.same(await storedBy(instance, 'credential-secret'), plain)
  t.match(await store(instance), { origin: 'git' })
  t.match(await launcher.state(), { credentials: 'intact' })
  t.match(await deploy(flows('one')), { status: 200 })
  t.match(await launcher.state(), { credentials: 'intact' }, 'a deploy of the same is no edit')
  t.match(await deploy(flows('one', 'other')), { status: 200 })
  t.match(await launcher.state(), { credentials: 'changed' })
  t.ok(existsSync(join(launcher.directory, 'storage/credentials-edited')))
  await reload(t, instance)
  await launcher.when(
    'they are put back',
    (state) => state.phase === 'running' && state.credentials === 'intact',
  )
  await until('the store has them', async () => (await store(instance))?.origin === 'git')
  t.same(await storedBy(instance, 'credential-secret'), plain)
  t.match(await instance.store.flowsSetAside(uid), [{ origin: 'edit', savedBy: 'olga' }])
})
