import type { Test } from 'tap'
import type { FlowsOrigin, FlowsWrite } from '../../reconciler/model/instance-storage.ts'
import { sha256 } from '../../reconciler/model/digest.ts'
import type { Store } from '../../reconciler/store/store.ts'

/** What every store does with what editors keep. `open` gives an empty one; closing it is the suite's affair. */
export function storageConformance(t: Test, open: (t: Test) => Promise<Store>): void {
  const clause = (name: string, run: (t: Test, store: Store) => Promise<void>) =>
    t.test(name, async (t) => {
      await using store = await open(t)
      for (const uid of ['one', 'two'])
        await store.allot({ uid, name: uid, driver: 'localfs', tokenSha256: sha256(uid) })
      await run(t, store)
    })

  clause('an instance begins with nothing kept', async (t, store) => {
    t.equal(await store.flows('one'), undefined)
    t.equal(await store.document('one', 'settings'), undefined)
    t.equal(await store.document('one', 'sessions'), undefined)
    t.equal(await store.libraryEntry('one', 'flows', 'a'), undefined)
    t.same(await store.library('one', 'flows', ''), { folders: [], entries: [] })
  })

  clause('flows and credentials are saved together, from the revision that stands', async (t, store) => {
    t.same(await store.saveFlows('one', flows('a')), { saved: true })
    t.same(await store.saveFlows('one', flows('b', 'a', 'alice')), { saved: true })
    const { base: _, ...stored } = flows('b', 'a', 'alice')
    t.same(await store.flows('one'), stored)
    t.equal(await store.flows('two'), undefined)
  })

  clause('a writer that started elsewhere is refused, and nothing is written', async (t, store) => {
    t.same(await store.saveFlows('one', flows('b', 'a')), { saved: false }, 'there are none to start from')
    t.equal(await store.flows('one'), undefined)
    await store.saveFlows('one', flows('a'))
    const before = await store.flows('one')
    t.same(await store.saveFlows('one', flows('c', 'b')), { saved: false, current: 'a' })
    t.same(await store.saveFlows('one', flows('c')), { saved: false, current: 'a' }, 'there are some')
    t.same(await store.flows('one'), before)
  })

  clause('a deploy that is there already is saved', async (t, store) => {
    await store.saveFlows('one', flows('a'))
    await store.saveFlows('one', flows('b', 'a', 'alice'))
    const before = await store.flows('one')
    t.same(await store.saveFlows('one', { ...flows('b', 'a', 'bob'), savedAt: 'later' }), { saved: true })
    t.same(await store.flows('one'), before, 'and not written again')
  })

  clause('of many writers at once one wins', async (t, store) => {
    await store.saveFlows('one', flows('a'))
    const names = Array.from({ length: 20 }, (_, index) => `deploy-${index}`)
    const results = await Promise.all(names.map(async (name) => store.saveFlows('one', flows(name, 'a'))))
    const winners = names.filter((_, index) => results[index]?.saved)
    t.equal(winners.length, 1)
    t.equal((await store.flows('one'))?.revision, winners[0])
    t.equal((await store.flows('one'))?.credentials, flows(winners[0] ?? '').credentials)
  })

  clause('a deploy that comes again late undoes nothing', async (t, store) => {
    await store.saveFlows('one', flows('a'))
    const late = { ...flows('b', 'a'), deploy: 'late' }
    t.same(await store.saveFlows('one', late), { saved: true })
    t.same(await store.saveFlows('one', { ...flows('a', 'b'), deploy: 'back' }), { saved: true })
    t.same(await store.saveFlows('one', late), { saved: true }, 'which it was')
    t.equal((await store.flows('one'))?.revision, 'a')
    t.same(await store.saveFlows('one', { ...flows('b', 'a'), deploy: 'anew' }), { saved: true })
    t.equal((await store.flows('one'))?.revision, 'b', 'the same flows may come again')
  })

  clause('settings and sessions are replaced as a whole', async (t, store) => {
    const first = { content: '{"a":1}' }
    const next = { content: '{"ä":"\u{1f600}"}', base: sha256(first.content) }
    t.ok(await store.saveDocument('one', 'settings', first))
    t.ok(await store.saveDocument('one', 'settings', next))
    t.ok(await store.saveDocument('one', 'settings', next), 'again')
    await store.saveDocument('one', 'sessions', { content: '{"token":{}}' })
    await store.saveDocument('two', 'settings', { content: '{}' })
    for (const stale of [{}, { base: sha256('{"a":1}') }])
      t.notOk(await store.saveDocument('one', 'settings', { content: '{"late":1}', ...stale }))
    t.notOk(await store.saveDocument('two', 'sessions', { content: '{}', base: sha256('gone') }))
    t.equal(await store.document('one', 'settings'), '{"ä":"\u{1f600}"}')
    t.equal(await store.document('one', 'sessions'), '{"token":{}}')
    t.equal(await store.document('two', 'sessions'), undefined)
  })

  clause('the library holds entries by type and path', async (t, store) => {
    const entry = { type: 'functions', path: 'a/b', meta: '{"outputs":2}', body: 'return msg' }
    await store.saveLibraryEntry('one', { ...entry, body: 'before' })
    await store.saveLibraryEntry('one', entry)
    await store.saveLibraryEntry('one', { ...entry, path: 'A/b', meta: '{}' })
    await store.saveLibraryEntry('one', { ...entry, type: 'flows' })
    t.same(await store.libraryEntry('one', 'functions', 'a/b'), entry)
    t.equal(await store.libraryEntry('one', 'functions', 'a'), undefined)
    t.equal(await store.libraryEntry('two', 'functions', 'a/b'), undefined)
    t.same(await store.library('one', 'functions', ''), { folders: ['A', 'a'], entries: [] })
    t.same(await store.library('one', 'functions', 'a'), {
      folders: [],
      entries: [{ name: 'b', meta: '{"outputs":2}' }],
    })
    const odd = { ...entry, path: '\u{1f600}_%/c/d' }
    t.equal(await store.saveLibraryEntry('one', odd), 'saved')
    t.same(await store.library('one', 'functions', '\u{1f600}_%'), { folders: ['c'], entries: [] })
    for (const path of ['a', 'a/b/c', 'a/b/c/d', '\u{1f600}_%/c'])
      t.equal(await store.saveLibraryEntry('one', { ...entry, path }), 'shadowed', path)
    t.equal(await store.saveLibraryEntry('one', { ...entry, path: '\u{1f600}_' }), 'saved')
  })

  clause('a library has an end', async (t, store) => {
    const entry = { type: 'functions', path: 'large', meta: '{}', body: 'x'.repeat(40_000_000) }
    t.equal(await store.saveLibraryEntry('one', entry), 'saved')
    t.equal(await store.saveLibraryEntry('one', { ...entry, path: 'more' }), 'full')
    t.equal(await store.saveLibraryEntry('one', { ...entry, body: 'y'.repeat(50_000_000) }), 'saved')
    t.equal(await store.saveLibraryEntry('two', entry), 'saved', 'each instance has its own')
    for (let count = 1; count < 1000; count++)
      await store.saveLibraryEntry('two', { ...entry, path: `small/${count}`, body: '' })
    t.equal(await store.saveLibraryEntry('two', { ...entry, type: 'flows', body: '' }), 'full')
    t.equal((await store.library('two', 'functions', 'small')).entries.length, 999)
  })

  clause('what declared flows take the place of is set aside, all or nothing', async (t, store) => {
    const origin = async (write: FlowsWrite, of: FlowsOrigin) =>
      store.saveFlows('one', { ...write, origin: of })
    await origin(flows('mine', undefined, 'alice'), 'editor')
    t.same(await origin(flows('wrong', 'other'), 'git'), { saved: false, current: 'mine' })
    t.same(await store.flowsSetAside('one'), [], 'nothing was replaced')
    await origin(flows('git-1', 'mine'), 'git')
    t.equal((await store.flows('one'))?.origin, 'git')
    await origin(flows('git-2', 'git-1'), 'git')
    await origin(flows('over', 'git-2', 'bob'), 'edit')
    await origin(flows('git-3', 'over'), 'git')
    await origin(flows('git-3', 'over'), 'git')
    const kept = await store.flowsSetAside('one')
    t.match(kept, [
      { revision: 'over', origin: 'edit', savedBy: 'bob', setAsideAt: '2026-01-01T00:00:00Z' },
      { revision: 'mine', origin: 'editor', savedBy: 'alice', credentials: flows('mine').credentials },
    ])
    t.equal(kept.length, 2, 'not what Git declared, and nothing twice')
    for (let count = 1; count <= 12; count++) {
      await origin(flows(`over-${count}`, count === 1 ? 'git-3' : 'git-4', 'carol'), 'edit')
      await origin(flows('git-4', `over-${count}`), 'git')
    }
    const revisions = (await store.flowsSetAside('one')).map(({ revision }) => revision)
    t.same(revisions, [...Array.from({ length: 10 }, (_, index) => `over-${12 - index}`), 'mine'])
    t.same(await store.flowsSetAside('two'), [])
    const gone = await store.audit({ limit: 10, event: 'set-aside-removed' })
    t.match(
      gone.map(({ instance, user, flowsBefore }) => [instance, user, flowsBefore]),
      [
        ['one', 'carol', 'over-2'],
        ['one', 'carol', 'over-1'],
        ['one', 'bob', 'over'],
      ],
      'what is gone for good is told, and nothing else',
    )
    t.equal(gone.length, 3)
    t.equal(new Set(gone.map(({ target }) => target)).size, 3, 'each by its number')
  })

  clause("flows from before it was noted whose they are count as the editor's", async (t, store) => {
    await store.saveFlows('one', flows('old'))
    await store.saveFlows('one', { ...flows('git', 'old'), origin: 'git' })
    t.match(await store.flowsSetAside('one'), [{ revision: 'old', origin: 'editor' }])
  })

  clause('a credential key is kept once, and goes with its instance', async (t, store) => {
    const key = { uid: 'one', id: 'own', sealed: 'a', keptAt: '2026-01-01T00:00:00Z' }
    await store.keepCredentialKeys([key, { ...key, uid: 'two' }])
    await store.keepCredentialKeys([
      { ...key, sealed: 'b' },
      { ...key, id: 'f1' },
    ])
    const kept = (await store.credentialKeys()).map(({ uid, id, sealed }) => `${uid} ${id} ${sealed}`)
    t.same(kept.toSorted(), ['one f1 a', 'one own a', 'two own a'])
    await t.rejects(
      store.keepCredentialKeys([
        { ...key, id: 'f2' },
        { ...key, uid: 'stranger' },
      ]),
    )
    t.equal((await store.credentialKeys()).length, 3, 'all or none')
    await store.forget('one')
    t.same(await store.credentialKeys(), [{ ...key, uid: 'two' }])
    await store.keepCredentialKeys([])
    const many = Array.from({ length: 1200 }, (_, at) => ({ ...key, uid: 'two', id: `f${at}` }))
    await store.keepCredentialKeys(many)
    t.equal((await store.credentialKeys()).length, 1201, 'as many at once as a fleet may have')
  })

  clause('what a forgotten instance kept is forgotten, and nothing else', async (t, store) => {
    for (const uid of ['one', 'two']) {
      await store.saveFlows(uid, flows('a'))
      await store.saveDocument(uid, 'settings', { content: '{}' })
      await store.saveDocument(uid, 'sessions', { content: '{}' })
      await store.saveLibraryEntry(uid, { type: 'flows', path: 'a', meta: '{}', body: '' })
    }
    await store.forget('one')
    await store.allot({ uid: 'one', name: 'one', driver: 'localfs', tokenSha256: sha256('one') })
    t.equal(await store.flows('one'), undefined)
    t.equal(await store.document('one', 'settings'), undefined)
    t.equal(await store.document('one', 'sessions'), undefined)
    t.same(await store.library('one', 'flows', ''), { folders: [], entries: [] })
    t.equal((await store.flows('two'))?.revision, 'a')
    t.equal(await store.document('two', 'settings'), '{}')
    t.equal((await store.library('two', 'flows', '')).entries.length, 1)
  })

  clause('nothing is kept for whom nobody knows', async (t, store) => {
    await t.rejects(store.saveFlows('stranger', flows('a')))
    await t.rejects(store.saveDocument('stranger', 'settings', { content: '{}' }))
    t.equal(await store.flows('stranger'), undefined)
  })
}

function flows(revision: string, base?: string, savedBy?: string): FlowsWrite {
  return {
    revision,
    nodes: `[{"id":"${revision}"}]`,
    credentials: `{"$":"credentials of ${revision}"}`,
    savedAt: '2026-01-01T00:00:00Z',
    ...(savedBy === undefined ? {} : { savedBy }),
    ...(base === undefined ? {} : { base }),
  }
}
