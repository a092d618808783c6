import { createHash } from 'node:crypto'
import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Knex } from 'knex'
import t, { type Test } from 'tap'
import { exportTrail } from '../../reconciler/cli/audit-trail.ts'
import { canonicalText, sha256 } from '../../reconciler/model/digest.ts'
import { exportLine, verifyChain, type ChainHead } from '../../reconciler/model/audit-chain.ts'
import { noPaint } from '../../reconciler/plan/render-text.ts'
import { sqliteDatabase } from '../../reconciler/store/sqlite-database.ts'
import { openSqliteStore } from '../../reconciler/store/sqlite-store.ts'
import { headOf } from '../conformance/audit-conformance.ts'
import { ChildLines } from '../support/child-lines.ts'

const child = join(import.meta.dirname, '../support/store-child.ts')
const length = 7

async function open(file: string, readOnly = false) {
  const clock = { now: () => new Date('2026-01-02T03:04:05Z') }
  return openSqliteStore({ file, clock, newId: () => 'fleet', readOnly })
}

/** A closed store with a trail: its file. */
async function filled(t: Test): Promise<string> {
  const file = join(t.testdir({}), 'weir.db')
  await using store = await open(file)
  await store.appendAudit(
    Array.from({ length }, (_, index) => ({
      at: `2026-01-02T03:04:0${index}.000Z`,
      event: 'deploy' as const,
      uid: 'u',
      instance: 'press',
      user: `user-${index}`,
      key: `u/${index}`,
    })),
  )
  return file
}

type Row = Record<string, unknown>
type Forgery = (db: Knex, row: (id: number) => Promise<Row>) => Promise<unknown>

/** What somebody who may write to the file could do to it, and which entry is then found wrong, and why. */
const forgeries: Readonly<Record<string, readonly [forge: Forgery, id: number, problem: RegExp]>> = {
  'a changed fact': [
    async (db, row) => {
      const entry = String((await row(3))['entry']).replace('user-2', 'user-9')
      await db('audit').where({ id: 3 }).update({ entry, user: 'user-9' })
    },
    3,
    /content does not match its hash/,
  ],
  'a changed fact with its hash made anew': [
    async (db, row) => {
      const entry = String((await row(3))['entry']).replace('user-2', 'user-9')
      await db('audit')
        .where({ id: 3 })
        .update({ entry, user: 'user-9', hash: sha256(entry) })
    },
    4,
    /does not follow entry 3/,
  ],
  'a changed hash': [
    async (db) =>
      db('audit')
        .where({ id: 3 })
        .update({ hash: 'f'.repeat(64) }),
    3,
    /content does not match its hash/,
  ],
  'a changed previous hash': [
    async (db) =>
      db('audit')
        .where({ id: 3 })
        .update({ previous: 'f'.repeat(64) }),
    3,
    /does not follow entry 2/,
  ],
  'a column that filters would go by': [
    async (db) => db('audit').where({ id: 3 }).update({ user: 'somebody-else' }),
    3,
    /column user differs/,
  ],
  'a column emptied': [async (db) => db('audit').where({ id: 3 }).update({ key: null }), 3, /column key/],
  'a removed row': [async (db) => db('audit').where({ id: 3 }).delete(), 3, /missing; the next one is 4/],
  'the first row removed': [async (db) => db('audit').where({ id: 1 }).delete(), 1, /missing/],
  'the beginning cut off, and numbered anew': [
    async (db) => {
      await db('audit').where('id', '<', 3).delete()
      for (let id = 3; id <= length; id++)
        await db('audit')
          .where({ id })
          .update({ id: id - 2 })
    },
    1,
    /it holds entry 3/,
  ],
  'a removed row, and the gap closed': [
    async (db) => {
      await db('audit').where({ id: 3 }).delete()
      for (let id = 4; id <= length; id++)
        await db('audit')
          .where({ id })
          .update({ id: id - 1 })
    },
    3,
    /it holds entry 4/,
  ],
  'two rows swapped': [
    async (db) => {
      for (const [from, to] of [
        [3, 100],
        [4, 3],
        [100, 4],
      ] as const)
        await db('audit').where({ id: from }).update({ id: to })
    },
    3,
    /it holds entry 4/,
  ],
  'a row inserted between two': [
    async (db, row) => {
      for (let id = length; id > 3; id--)
        await db('audit')
          .where({ id })
          .update({ id: id + 1 })
      const { previous: _p, key: _k, ...copy } = await row(3)
      const entry = canonicalText({ at: 'now', event: 'deploy', id: 4, previous: copy['hash'] })
      await db('audit').insert({ ...copy, id: 4, entry, previous: copy['hash'] + 'x', hash: sha256(entry) })
    },
    4,
    /does not follow entry 3/,
  ],
  'a row before the first': [
    async (db, row) => db('audit').insert({ ...(await row(1)), id: 0, key: 'x', previous: 'x' }),
    1,
    /the id 0 stands in its place/,
  ],
  'a row after the last that follows nothing': [
    async (db, row) => db('audit').insert({ ...(await row(7)), id: 8, key: 'x', previous: 'x' }),
    8,
    /it holds entry 7/,
  ],
  'something that is no entry': [
    async (db) =>
      db('audit')
        .where({ id: 3 })
        .update({ entry: 'null', hash: sha256('null') }),
    3,
    /no entry in canonical form/,
  ],
  'the same fact in another form': [
    async (db, row) => {
      const entry = String((await row(3))['entry']).replace('{', '{ ')
      await db('audit')
        .where({ id: 3 })
        .update({ entry, hash: sha256(entry) })
    },
    3,
    /no entry in canonical form/,
  ],
}

t.test('whatever is done to the trail is found, and where', async (t) => {
  const original = await filled(t)
  for (const [what, [forge, id, problem]] of Object.entries(forgeries)) {
    const file = `${original}.forged`
    await copyFile(original, file)
    const db = sqliteDatabase(file, 'write')
    await forge(db, async (wanted) => {
      const row: Row | undefined = await db('audit').where({ id: wanted }).first()
      return row ?? {}
    })
    await db.destroy()
    await using store = await open(file, true)
    t.match(await verifyChain(store.auditRows()), { intact: false, id, problem }, what)
  }
})

t.test('a filter goes by what was written, not by what stands beside it', async (t) => {
  const file = await filled(t)
  const db = sqliteDatabase(file, 'write')
  await db('audit').where({ id: 2 }).update({ user: 'nobody', instance: 'elsewhere' })
  await db('audit').where({ id: 3 }).update({ user: 'user-1' })
  await using store = await open(file)
  const lines: string[] = []
  const terminal = {
    out: (text: string) => void lines.push(text),
    err: (text: string) => void lines.push(text),
    paintOut: noPaint,
    paintErr: noPaint,
    interactive: false,
    drained: async () => undefined,
  }
  const deps = { terminal, signal: new AbortController().signal }
  t.equal(await exportTrail(store.auditRows(), deps, { user: 'user-1' }), 0)
  t.same(
    lines.map((line) => JSON.parse(line).id),
    [2],
  )
  t.same(
    await store.audit({ limit: 10, user: 'user-1' }),
    [],
    'what the column hides is not found, nor what it pretends',
  )
  await db('audit').where({ id: 5 }).update({ entry: '{"at":"x","event":"deploy","id":5,"previous":"x"}' })
  t.equal(await exportTrail(store.auditRows(), deps, { user: 'user-1' }), 1, 'whether or not it is asked for')
  await t.rejects(store.audit({ limit: 10 }))
  await db.destroy()
})

t.test('a trail without its newest entries is told from a noted head', async (t) => {
  const file = await filled(t)
  const noted = await (async (): Promise<ChainHead> => {
    await using store = await open(file)
    return await headOf(store)
  })()
  const db = sqliteDatabase(file, 'write')
  await db('audit').where('id', '>', 5).delete()
  await db.destroy()
  await using store = await open(file)
  t.match(await verifyChain(store.auditRows()), { intact: true, head: { id: 5 } }, 'by itself it cannot tell')
  t.match(await verifyChain(store.auditRows(), noted), { intact: false, id: 6, problem: /had been noted/ })
  await store.appendAudit([5, 6].map((index) => ({ at: `forged ${index}`, event: 'deploy' })))
  t.match(await verifyChain(store.auditRows()), { intact: true, head: { id: 7 } })
  t.match(
    await verifyChain(store.auditRows(), noted),
    { intact: false, id: 7, problem: /was written anew/ },
    'nor that others stand in their place',
  )
})

t.test('a noted head goes on to hold while the trail grows', async (t) => {
  const file = await filled(t)
  await using store = await open(file)
  const noted = await headOf(store)
  await store.appendAudit([{ at: 'later', event: 'deploy' }])
  t.match(await headOf(store, noted), { id: length + 1 })
})

t.test('a line of an export is proven with nothing but SHA-256', async (t) => {
  const file = await filled(t)
  await using store = await open(file, true)
  let previous = '0'.repeat(64)
  for await (const { entry, hash } of store.auditRows()) {
    const line = exportLine({ entry: String(entry), hash: String(hash) })
    const parsed: Row = JSON.parse(line)
    const hashed = line.replace(/,"hash":"[0-9a-f]{64}"\}$/, '}')
    t.equal(createHash('sha256').update(hashed).digest('hex'), parsed['hash'])
    const { hash: _h, ...rest } = parsed
    t.equal(canonicalText(rest), hashed, 'which is the canonical form')
    t.equal(parsed['previous'], previous)
    previous = String(parsed['hash'])
  }
})

t.test('a process killed while it appends leaves a chain that holds, and nothing half told', async (t) => {
  const file = join(t.testdir({}), 'weir.db')
  let told = 0
  for (const lines of [1, 2, 3, 9, 23, 40]) {
    const killed = new ChildLines(t, process.execPath, [child, file, 'tell'])
    t.equal(await killed.line(), 'ready')
    for (let line = 0; line < lines; line++) told = Math.max(told, Number(await killed.line()) || 0)
    await killed.kill()
    await using store = await open(file)
    const head = await headOf(store)
    t.ok(head.id >= told, 'what was told is there')
    t.equal(head.id % 5, 0, 'batches are whole')
  }
})

t.test('a reader sees the chain hold while another process appends', async (t) => {
  const file = join(t.testdir({}), 'weir.db')
  const writer = new ChildLines(t, process.execPath, [child, file, 'tell'])
  t.equal(await writer.line(), 'ready')
  await writer.line()
  await using store = await open(file, true)
  let last = 0
  for (let time = 0; time < 20; time++) {
    const { id } = await headOf(store)
    t.ok(id >= last)
    last = id
    await writer.line()
  }
  t.ok(last > 5)
})

t.test('facts that cannot be written take the step with them', async (t) => {
  const file = join(t.testdir({}), 'weir.db')
  await using store = await open(file)
  const step = {
    planId: 'p',
    revision: 'r',
    uid: 'u',
    name: 'press',
    action: 'create',
    startedAt: 'now',
  } as const
  const id = await store.beginAction(step)
  const db = sqliteDatabase(file, 'write')
  await db.schema.renameTable('audit', 'elsewhere')
  await t.rejects(store.endAction(id, { endedAt: 'later', outcome: 'applied' }))
  t.notOk((await store.journal({ limit: 1 }))[0]?.outcome, 'it has not ended')
  await db.schema.renameTable('elsewhere', 'audit')
  await db.destroy()
  await store.endAction(id, { endedAt: 'later', outcome: 'applied' })
  t.match(await store.audit({ limit: 2 }), [{ id: 1, action: 'create', outcome: 'applied' }])
})
