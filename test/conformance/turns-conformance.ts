import type { Test } from 'tap'
import { sha256 } from '../../reconciler/model/digest.ts'
import type { Store } from '../../reconciler/store/store.ts'
import { applied } from '../support/inventory-fixtures.ts'
import { headOf } from './audit-conformance.ts'

const many = Array.from({ length: 24 }, (_, index) => index)
const step = { planId: 'p', revision: 'r', at: '2026-01-01T00:00:00.000Z' }

/** What every store does with writers that come at once: as if one had come after the other. */
export function turnsConformance(t: Test, open: (t: Test) => Promise<Store>): void {
  t.test('many at once take turns', async (t) => {
    await using store = await open(t)
    await store.allot({ uid: 'u', name: 'press', driver: 'localfs', port: 100, tokenSha256: 't' })

    await t.test('entries of the audit trail stand one behind the other', async (t) => {
      const { id: before } = await headOf(store)
      const facts = (index: number) => [
        { at: `at ${index}`, event: 'deploy' as const, key: `own/${index}` },
        { at: `at ${index}`, event: 'deploy' as const, key: `shared/${index % 4}` },
      ]
      await Promise.all(many.map(async (index) => store.appendAudit(facts(index))))
      t.equal((await headOf(store)).id - before, many.length + 4, 'the chain holds, and a key is there once')
    })

    await t.test('failed sign-ins are all counted', async (t) => {
      const change = { key: 'k', by: 1, now: 1000, window: 1000 } as const
      const counts = await Promise.all(many.map(async () => store.countSignInFailure(change)))
      t.same(
        counts.map(({ count }) => count).toSorted((a, b) => a - b),
        many.map((index) => index + 1),
      )
    })

    await t.test('of deploys that started from the same flows one is saved', async (t) => {
      const deploy = async (base: string | undefined, revision: string) =>
        store.saveFlows('u', {
          ...(base === undefined ? {} : { base }),
          nodes: `["${revision}"]`,
          credentials: '{}',
          revision,
          savedAt: 'now',
          origin: 'git',
        })
      for (const base of [undefined, 'second']) {
        if (base !== undefined) await deploy((await store.flows('u'))?.revision, base)
        const results = await Promise.all(many.map(async (index) => deploy(base, `${base}/${index}`)))
        const saved = results.flatMap((result, index) => (result.saved ? [`${base}/${index}`] : []))
        t.same(saved, [(await store.flows('u'))?.revision])
      }
    })

    await t.test('of documents that started from the same one is saved', async (t) => {
      await store.saveDocument('u', 'settings', { content: 'first' })
      const base = sha256('first')
      const save = async (index: number) =>
        store.saveDocument('u', 'settings', { base, content: `c${index}` })
      const saved = await Promise.all(many.map(save))
      t.equal(saved.filter(Boolean).length, 1)
      t.equal(await store.document('u', 'settings'), `c${saved.indexOf(true)}`)
    })

    await t.test('a step ends once, and a change of access is told once', async (t) => {
      const entry = { planId: 'p', revision: 'r', uid: 'u', name: 'press', action: 'update' } as const
      const id = await store.beginAction({ ...entry, startedAt: 'now' })
      const { id: before } = await headOf(store)
      const ends = many.map(async (index) =>
        store.endAction(id, { endedAt: 'later', outcome: index % 2 === 0 ? 'applied' : 'failed' }),
      )
      await Promise.all([...ends, store.closeInterrupted('later')])
      const [told] = await store.audit({ limit: 1 })
      t.equal((await headOf(store)).id - before, 1)
      t.equal((await store.journal({ limit: 1 }))[0]?.outcome, told?.outcome)
      const access = { alice: { role: 'owner' as const } }
      const next = applied('press')
      const opened = { ...next, spec: { ...next.spec, access } }
      await Promise.all(many.map(async () => store.saveApplied('u', opened, step)))
      t.match(await store.audit({ limit: 5, event: 'access' }), [{ user: 'alice', to: 'owner' }])
      t.equal((await store.audit({ limit: 5, event: 'access' })).length, 1)
    })

    await t.test('names are given once, and the library is filled once', async (t) => {
      const names = many.map(async (index) =>
        store.allot({ uid: `n${index}`, name: 'same', driver: 'localfs', tokenSha256: `n${index}` }),
      )
      t.equal(new Set((await Promise.all(names)).map(({ uid }) => uid)).size, 1)
      const ports = await Promise.allSettled(
        many.map(async (index) =>
          store.adopt({
            uid: `p${index}`,
            name: `p${index}`,
            driver: 'localfs',
            port: 200,
            tokenSha256: `p${index}`,
          }),
        ),
      )
      t.equal(ports.filter(({ status }) => status === 'fulfilled').length, 1)
      const save = async (path: string) =>
        store.saveLibraryEntry('u', { type: 'functions', path, meta: '{}', body: '' })
      const saved = await Promise.all(many.map(async (index) => save(index % 2 === 0 ? 'a' : 'a/b')))
      t.equal(new Set(saved.flatMap((result, index) => (result === 'saved' ? [index % 2] : []))).size, 1)
    })

    await t.test('what was read before is not kept over what was written meanwhile', async (t) => {
      await Promise.all(
        many.flatMap((index) => [store.setPort('u', 300 + index), store.inventory(), store.inventory()]),
      )
      const [kept] = (await store.inventory()).filter(({ uid }) => uid === 'u')
      t.same(kept?.port, (await store.findByToken('t'))?.port)
    })

    await t.test('many read at once', async (t) => {
      const read = await Promise.all(many.map(async () => store.inventory()))
      for (const inventory of read) t.equal(inventory.length, read[0]?.length)
    })
  })
}
