import { createHash, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import t from 'tap'
import { createBase, createPlace } from '../../reconciler/apply/place.ts'
import { followCredentialKeys, openCredentialKeys } from '../../reconciler/control/credential-keys.ts'
import { createFollowerDesk } from '../../reconciler/control/follower-desk.ts'
import { Secret } from '../../reconciler/model/secret.ts'
import { openSqliteStore } from '../../reconciler/store/sqlite-store.ts'
import { applied } from '../support/inventory-fixtures.ts'
import { resolvedInstance } from '../support/make-instance.ts'

const clock = { now: () => new Date('2026-01-02T03:04:05Z') }
const master = new Secret(createHash('sha256').update('a master key').digest())
const begun = {
  planId: 'p',
  revision: 'r',
  uid: 'u',
  name: 'press',
  action: 'update',
  startedAt: 'now',
} as const

t.test(
  'a follower hands out what was applied, or is being applied, by the configuration of the leader',
  async (t) => {
    await using store = await openSqliteStore({
      file: join(t.testdir({}), 'weir.db'),
      clock,
      newId: () => 'fleet',
    })
    const parts = { store, master, clock, randomBytes }
    const credentialKeys = await followCredentialKeys(parts)
    let [configured, asked] = [{ host: 'a' }, 0]
    const warnings: string[] = []
    const drivers = new Map([['localfs', { configured }]] as const)
    const desk = createFollowerDesk({
      store,
      credentialKeys,
      renewKeys: credentialKeys.renew,
      place: createPlace('fleet', drivers),
      base: createBase(drivers),
      seats: { localfs: { host: 'h', allowInstallScripts: false, runtimeUrl: 'http://127.0.0.1:1' } },
      identity: () => ({ issuer: 'i', backChannel: 'b', clientId: 'u', clientSecret: 's', sessionHours: 1 }),
      proofOf: () => 'proof',
      askToLook: async () => void asked++,
      configuredOf: () => configured,
      log: { warn: (_fields, message) => void warnings.push(message) },
    })
    t.equal(await desk.settings('u'), undefined)
    await store.allot({ uid: 'u', name: 'press', driver: 'localfs', port: 100, tokenSha256: 't' })
    t.equal(await desk.settings('u'), undefined, 'nothing was applied to it')
    await store.saveApplied('u', applied('press', { configured }))
    const leader = await openCredentialKeys(parts)
    await leader.keep('u', resolvedInstance('press'), new Map())
    const before = await desk.settings('u')
    t.match(
      before,
      { name: 'press', port: 100, editor: { title: 'press' } },
      'by a key that was made meanwhile',
    )

    const step = await store.beginAction(
      begun,
      {},
      resolvedInstance('press', { editor: { enabled: true, title: 'new' } }),
    )
    t.match(await desk.settings('u'), { editor: { title: 'new' } })
    t.not((await desk.members('u'))?.digest, before?.digest)
    await store.endAction(step, { endedAt: 'later', outcome: 'failed' })
    t.same(await desk.settings('u'), before)

    configured = { host: 'another' }
    t.equal(await desk.settings('u'), undefined)
    t.equal(await desk.members('u'), undefined)
    t.match(warnings, [/not that of the leader/], 'told once')
    t.equal(asked, 0)

    const other = new Secret(randomBytes(32))
    await t.rejects(
      followCredentialKeys({ ...parts, master: other }),
      { name: 'KeyError' },
      'the key of another fleet',
    )
  },
)
