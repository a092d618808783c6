import { chmod, copyFile, mkdir, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { sqliteDatabase } from '../../reconciler/store/sqlite-database.ts'
import { openSqliteStore } from '../../reconciler/store/sqlite-store.ts'
import type { Store } from '../../reconciler/store/store.ts'
import { storageConformance } from '../conformance/storage-conformance.ts'
import { auditConformance } from '../conformance/audit-conformance.ts'
import { identityConformance } from '../conformance/identity-conformance.ts'
import { rejectsWith, storeConformance } from '../conformance/store-conformance.ts'
import { turnsConformance } from '../conformance/turns-conformance.ts'
import { ChildLines } from '../support/child-lines.ts'
import { applied } from '../support/inventory-fixtures.ts'

const child = join(import.meta.dirname, '../support/store-child.ts')
const clock = { now: () => new Date('2026-01-02T03:04:05Z') }
let made = 0

async function open(file: string, readOnly = false): Promise<Store> {
  return openSqliteStore({ file, clock, newId: () => `fleet-${++made}`, readOnly })
}

function emptyFile(t: Test): string {
  return join(t.testdir({}), 'data', 'weir.db')
}

/** A closed store with some content: its file. */
async function filledFile(t: Test, instances = 3): Promise<string> {
  const file = emptyFile(t)
  await using store = await open(file)
  for (let index = 0; index < instances; index++) {
    const name = `press-${index}`
    await store.allot({ uid: name, name, driver: 'localfs', firstPort: 12080, tokenSha256: name })
    await store.saveApplied(name, applied(name))
  }
  return file
}

t.test('SQLite keeps what every store keeps', async (t) => {
  storeConformance(t, async (t) => open(emptyFile(t)))
  storageConformance(t, async (t) => open(emptyFile(t)))
  auditConformance(t, async (t) => open(emptyFile(t)))
  identityConformance(t, async (t) => open(emptyFile(t)))
  turnsConformance(t, async (t) => open(emptyFile(t)))
})

t.test('what was written is there after closing, under the same fleet', async (t) => {
  const file = await filledFile(t)
  await using first = await open(file)
  const { fleet } = first
  t.equal((await first.inventory()).length, 3)
  await first[Symbol.asyncDispose]()
  await using second = await open(file)
  t.equal(second.fleet, fleet)
})

t.test('only the owner may read the files', async (t) => {
  const file = emptyFile(t)
  await using store = await open(file)
  await store.allot({ uid: 'u', name: 'n', driver: 'localfs', tokenSha256: 't' })
  t.equal((await stat(join(file, '..'))).mode & 0o777, 0o700)
  for (const name of await readdir(join(file, '..')))
    t.equal((await stat(join(file, '..', name))).mode & 0o777, 0o600, name)
})

t.test('one writer', async (t) => {
  t.test('a second process is told who holds the store, until the first is killed', async (t) => {
    const file = emptyFile(t)
    const holder = new ChildLines(t, process.execPath, [child, file, 'hold'])
    t.equal(await holder.line(), 'ready')
    const refused = await rejectsWith(
      t,
      open(file),
      'store-locked',
      new RegExp(`process ${holder.process.pid} on `),
    )
    t.match(refused?.remedy, /Stop that reconciler/)
    const other = new ChildLines(t, process.execPath, [child, file, 'hold'])
    t.equal(await other.line(), 'store-locked')
    await holder.kill()
    await using store = await open(file)
    t.equal(store.fleet, 'fleet-of-child')
  })

  t.test('the same process cannot open it twice, and the attempt does not break the lock', async (t) => {
    const file = emptyFile(t)
    await using store = await open(file)
    await rejectsWith(t, open(file), 'store-locked', /in use/)
    const other = new ChildLines(t, process.execPath, [child, file, 'hold'])
    t.equal(await other.line(), 'store-locked')
    t.same(await store.inventory(), [])
  })

  t.test('a damaged lock file is named, and not replaced', async (t) => {
    const file = await filledFile(t)
    await writeFile(`${file}.lock`, 'This is not a database. '.repeat(1000))
    const error = await rejectsWith(t, open(file), 'store-unreachable', /weir\.db\.lock is damaged/)
    t.match(error?.remedy, /remove the lock file/)
    t.match(await readFile(`${file}.lock`, 'utf8'), /This is not a database/)
  })

  t.test('closing gives the lock back', async (t) => {
    const file = await filledFile(t)
    const other = new ChildLines(t, process.execPath, [child, file, 'hold'])
    t.equal(await other.line(), 'ready')
  })
})

t.test('an action that a killed process left open is closed as interrupted', async (t) => {
  const file = emptyFile(t)
  const killed = new ChildLines(t, process.execPath, [child, file, 'begin'])
  t.equal(await killed.line(), 'ready')
  await killed.kill()
  await using store = await open(file)
  t.match(await store.inventory(), [{ uid: 'u', name: 'press', port: 12080 }])
  t.match(await store.closeInterrupted('now'), [{ name: 'press', action: 'create', outcome: 'interrupted' }])
})

t.test('a damaged store is an error and stays as it is', async (t) => {
  const damage: Record<string, (file: string) => Promise<void>> = {
    'no database at all': async (file) => writeFile(file, 'This is not a database. '.repeat(1000)),
    'an empty file': async (file) => truncate(file, 0),
    'cut in the middle': async (file) => truncate(file, 4096 * 3),
    'cut inside a page': async (file) => truncate(file, 5000),
    'a page of garbage': async (file) => {
      const bytes = await readFile(file)
      await writeFile(file, bytes.fill(0xa5, 4096 * 2, 4096 * 4))
    },
    'only its log is left': async (file) => {
      await copyFile(file, `${file}-wal`)
      await rm(file)
    },
    'a database of something else': async (file) => {
      await rm(file)
      const db = sqliteDatabase(file, 'create')
      await db.schema.createTable('recipes', (table) => table.increments('id'))
      await db.destroy()
    },
  }
  for (const [what, inflict] of Object.entries(damage))
    t.test(what, async (t) => {
      const file = await filledFile(t)
      await inflict(file)
      const before = await readFile(file).catch(() => undefined)
      for (const readOnly of [false, true]) {
        const error = await rejectsWith(t, open(file, readOnly), 'store-corrupt', /weir\.db is damaged/)
        t.match(error?.remedy, /Restore .*weir\.db from a backup/)
      }
      t.same(await readFile(file).catch(() => undefined), before)
    })
})

t.test('a store of a newer version is an error', async (t) => {
  const file = await filledFile(t)
  const db = sqliteDatabase(file, 'write')
  await db('migrations').insert({ name: '9999-from-the-future', batch: 9 })
  await db.destroy()
  await rejectsWith(t, open(file), 'store-newer', /9999-from-the-future/)
  await rejectsWith(t, open(file, true), 'store-newer', /newer version/)
})

t.test('a migration that was killed is taken up again', async (t) => {
  const file = await filledFile(t)
  const db = sqliteDatabase(file, 'write')
  await db('migrations_lock').update({ is_locked: 1 })
  await db.destroy()
  await using store = await open(file)
  t.equal((await store.inventory()).length, 3)
})

t.test('a draft of a killed first start is thrown away', async (t) => {
  const file = emptyFile(t)
  await mkdir(join(file, '..'), { mode: 0o700 })
  await writeFile(`${file}.new`, 'half')
  await using store = await open(file)
  t.same(await store.inventory(), [])
  t.notOk((await readdir(join(file, '..'))).includes('weir.db.new'))
})

t.test('read-only', async (t) => {
  t.test('an absent store is empty, and stays absent', async (t) => {
    const file = emptyFile(t)
    await using store = await open(file, true)
    t.equal(store.fleet, '')
    t.same(await store.inventory(), [])
    t.same(await store.statuses(), [])
    t.same(await readdir(t.testdirName), [])
  })

  t.test('reading leaves every file as it was, and none beside it', async (t) => {
    const file = await filledFile(t)
    await chmod(file, 0o400)
    const folder = join(file, '..')
    const names = await readdir(folder)
    const before = await readFile(file)
    {
      await using store = await open(file, true)
      t.equal((await store.inventory()).length, 3)
      t.match(store.fleet, /^fleet-/)
    }
    t.same(await readdir(folder), names)
    t.same(await readFile(file), before)
  })

  t.test('it shows what a running writer has saved, and cannot write', async (t) => {
    const file = await filledFile(t)
    await using writer = await open(file)
    await writer.allot({ uid: 'late', name: 'late', driver: 'localfs', tokenSha256: 'late' })
    await using reader = await open(file, true)
    t.ok((await reader.inventory()).some((entry) => entry.name === 'late'))
    await rejectsWith(t, reader.forget('late'), 'store-unreachable', /may not be written/)
    t.equal((await writer.inventory()).length, 4)
  })

  t.test('it shows what a killed writer has saved', async (t) => {
    const file = emptyFile(t)
    const killed = new ChildLines(t, process.execPath, [child, file, 'begin'])
    t.equal(await killed.line(), 'ready')
    await killed.kill()
    await using reader = await open(file, true)
    t.equal((await reader.inventory()).length, 1)
  })
})

t.test('a full disk is an error, and what was saved before is intact', async (t) => {
  const file = await filledFile(t)
  // A limit on the size of files stands for a full disk.
  const limited = `ulimit -f 1024; exec "$0" "$1" "$2" fill`
  const full = new ChildLines(t, 'bash', ['-c', limited, process.execPath, child, file])
  const said: string[] = []
  for (let line = await full.line(); line !== undefined; line = await full.line()) {
    said.push(line)
    if (line.startsWith('store-')) break
  }
  t.equal(said.at(-1), 'store-unreachable')
  await full.kill()
  await using store = await open(file)
  const names = new Set((await store.inventory()).map((entry) => entry.name))
  for (const name of said.filter((word) => word.startsWith('press-'))) t.ok(names.has(name), name)
})

t.test('a process killed while it writes loses nothing it has saved', async (t) => {
  const file = await filledFile(t)
  const saved = new Set<string>()
  for (const lines of [3, 17, 40]) {
    const killed = new ChildLines(t, process.execPath, [child, file, 'fill'])
    for (let index = 0; index < lines; index++) saved.add((await killed.line()) ?? 'nothing')
    await killed.kill()
    await using store = await open(file)
    const names = new Set(
      (await store.inventory()).filter((entry) => entry.applied).map((entry) => entry.name),
    )
    for (const name of saved) if (name !== 'ready') t.ok(names.has(name), `${name} after ${lines} lines`)
  }
})

t.test('a row that this program cannot have written is damage', async (t) => {
  const changes: readonly (readonly [table: string, change: Record<string, unknown>])[] = [
    ['instances', { applied: '{}' }],
    ['instances', { applied: 'not JSON', driver: 'localfs' }],
    ['instances', { applied: null, driver: 'teleport' }],
    ['statuses', { record: '{"kind":"Instance","name":"press","phase":"flying","conditions":[]}' }],
    ['statuses', { record: '{"kind":"Instance","name":"press","phase":"running","conditions":[{}]}' }],
  ]
  const file = await filledFile(t)
  {
    await using store = await open(file)
    await store.saveStatuses([{ kind: 'Instance', name: 'press', phase: 'running', conditions: [] }], [])
  }
  for (const [table, change] of changes) {
    const db = sqliteDatabase(file, 'write')
    await db(table).update(change)
    await db.destroy()
    await using store = await open(file)
    const reading = table === 'instances' ? store.inventory() : store.statuses()
    await rejectsWith(t, reading, 'store-corrupt', /does not hold/)
  }
})

t.test('a folder that cannot be made is an outage with a remedy', async (t) => {
  const file = join(t.testdir({ plain: 'a file' }), 'plain', 'weir.db')
  const error = await rejectsWith(t, open(file), 'store-unreachable', /cannot be used/)
  t.match(error?.remedy, /folder/)
})
