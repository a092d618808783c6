import { createRequire } from 'node:module'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { ownFolder } from '../support/own-folder.ts'
import { stubDoor, type StubDoor } from '../support/stub-door.ts'
import { until } from '../support/until.ts'

type Content = Record<string, unknown>
interface KeptDocument {
  read(): Promise<Content>
  save(next: Content): Promise<void>
  deliver(): void
  readonly current: Content
}
const load = createRequire(import.meta.url)
const { KeptDocument } = load('../../launcher/plugins/storage/kept-document.cjs')
const { within } = load('../../launcher/plugins/storage/document-copy.cjs')

interface Place {
  readonly folder: string
  readonly door: StubDoor
  readonly kind?: 'settings' | 'sessions'
  readonly earlier?: Content
}

function documentAt({ folder, door, kind = 'settings', earlier = {} }: Place) {
  const [adopted, warnings, retired]: [Content[], string[], string[]] = [[], [], []]
  const document: KeptDocument = new KeptDocument({
    kind,
    folder,
    door,
    earlier: async () => earlier,
    retire: async () => void retired.push(kind),
    adopt: async (content: Content) => void adopted.push({ ...content }),
    warn: (text: string) => warnings.push(text),
    random: () => 0,
  })
  return { document, adopted, warnings, retired }
}

const storedIn = (door: StubDoor): unknown => JSON.parse(door.stored ?? 'null')

t.test('a start without an answer writes nothing over what the store has', async (t) => {
  const door = stubDoor('{"instanceId":"old","users":{"olga":{"menu":"kept"}}}')
  door.mode = 'down'
  const { document, adopted } = documentAt({ folder: ownFolder(), door })
  t.same(await document.read(), {})
  await document.save({ instanceId: 'new', nodes: {} })
  document.deliver()
  await until('it was asked', () => door.asked.length > 1)
  t.notOk(door.asked.includes('PUT /settings'), 'nobody knows what is there')
  door.mode = 'up'
  const both = { instanceId: 'old', users: { olga: { menu: 'kept' } }, nodes: {} }
  await until('they are one', () => door.stored?.includes('nodes') === true)
  t.same(storedIn(door), both)
  t.same(adopted, [both], 'and Node-RED goes on with it')
})

t.test('a session that a start did not know stays, and one that began meanwhile', async (t) => {
  const door = stubDoor('{"before":{"user":"olga"}}')
  door.mode = 'down'
  const { document } = documentAt({ folder: ownFolder(), door, kind: 'sessions' })
  const sessions = await document.read()
  sessions['since'] = { user: 'vera' }
  await document.save(sessions)
  document.deliver()
  door.mode = 'up'
  await until('they are one', () => door.stored?.includes('since') === true)
  t.same(Object.keys(sessions).toSorted(), ['before', 'since'], 'in the object that Node-RED has')
  t.same(storedIn(door), sessions)
})

t.test('a first start waits for an answer as long as any call does', async (t) => {
  const door = stubDoor('{"a":1}')
  const slow = Promise.withResolvers<void>()
  door.before = async () => slow.promise
  const folder = ownFolder()
  const { document } = documentAt({ folder, door })
  const reading = document.read()
  // More than a start with a copy would wait.
  setTimeout(slow.resolve, 2500)
  t.same(await reading, { a: 1 })
  await until('the copy is written', () => existsSync(join(folder, 'settings.json')))
})

t.test('an answer that came while this process was busy counts', async (t) => {
  const answer = new Promise((resolve) => setTimeout(() => setImmediate(resolve, 'here'), 1))
  const waiting = within(answer, 100)
  const end = Date.now() + 300
  while (Date.now() < end);
  t.equal(await waiting, 'here')
  t.equal(await within(new Promise(() => {}), 100), undefined)
})

t.test('an old copy brings no ended session back, and rolls no settings back', async (t) => {
  const copy = (content: Content) => JSON.stringify({ undelivered: true, known: ['0'.repeat(64)], content })
  for (const up of [true, false]) {
    const folder = ownFolder()
    writeFileSync(join(folder, 'sessions.json'), copy({ ended: {}, open: { old: true } }))
    const door = stubDoor('{"open":{},"later":{}}')
    door.mode = up ? 'up' : 'down'
    const { document } = documentAt({ folder, door, kind: 'sessions' })
    const sessions = await document.read()
    document.deliver()
    door.mode = 'up'
    await until('the store is told', () => door.stored?.includes('later') === false)
    t.same(sessions, { open: {} })
    t.same(storedIn(door), { open: {} })
  }
  const folder = ownFolder()
  writeFileSync(join(folder, 'settings.json'), copy({ a: 'old' }))
  const door = stubDoor('{"a":"new"}')
  const { document } = documentAt({ folder, door })
  t.same(await document.read(), { a: 'new' })
  document.deliver()
  await until('its copy is new', () => readFileSync(join(folder, 'settings.json'), 'utf8').includes('new'))
  t.equal(door.stored, '{"a":"new"}')
})

t.test('an old copy that nobody marked is compared as soon as the store answers', async (t) => {
  const folder = ownFolder()
  const known = ['0'.repeat(64)]
  writeFileSync(
    join(folder, 'sessions.json'),
    JSON.stringify({ undelivered: false, known, content: { ended: {}, open: {} } }),
  )
  const door = stubDoor('{"open":{}}')
  door.mode = 'down'
  const { document } = documentAt({ folder, door, kind: 'sessions' })
  const sessions = await document.read()
  t.same(sessions, { ended: {}, open: {} })
  document.deliver()
  door.mode = 'up'
  await until('it has ended', () => !('ended' in sessions))
  t.equal(door.stored, '{"open":{}}')
})

t.test('what was sent and whose answer was lost is nobody else’s', async (t) => {
  const door = stubDoor('{"a":0}')
  const folder = ownFolder()
  const first = documentAt({ folder, door })
  await first.document.read()
  first.document.deliver()
  door.mode = 'deaf'
  await first.document.save({ a: 1 })
  await until('it was sent', () => door.stored === '{"a":1}')
  door.mode = 'down'
  await first.document.save({ a: 2 })
  await first.document.save({ a: 3 })
  // As after a kill: another process, and what lies on the disk.
  door.mode = 'up'
  const second = documentAt({ folder: copied(t, folder), door })
  t.same(await second.document.read(), { a: 3 })
  second.document.deliver()
  await until('it arrives', () => door.stored === '{"a":3}')
  t.same(second.adopted, [])
})

t.test('a sign-out reaches the store where the disk is full', async (t) => {
  const door = stubDoor('{"one":{},"two":{}}')
  const folder = join(ownFolder(), 'full')
  mkdirSync(folder)
  const { document, warnings } = documentAt({ folder, door, kind: 'sessions' })
  const sessions = await document.read()
  await until('the copy is written', () => existsSync(join(folder, 'sessions.json')))
  document.deliver()
  // Nothing can be written below a file.
  rmSync(folder, { recursive: true })
  writeFileSync(folder, '')
  delete sessions['one']
  await document.save(sessions)
  t.same(storedIn(door), { two: {} })
  t.match(warnings, [/cannot be written/])
  door.mode = 'down'
  await t.rejects(document.save(sessions), { code: 'ENOTDIR' }, 'neither has it')
  const unreadable = documentAt({ folder, door, kind: 'sessions' })
  await t.rejects(unreadable.document.read(), { code: 'ENOTDIR' }, 'and that is not the same as none')
})

t.test('what was before is not read again once the store has it', async (t) => {
  const door = stubDoor()
  const place = { folder: ownFolder(), door, kind: 'sessions', earlier: { old: {} } } as const
  const { document, retired } = documentAt(place)
  t.same(await document.read(), { old: {} })
  t.same(retired, [])
  document.deliver()
  await until('it is there', () => retired.length === 1)
  t.equal(door.stored, '{"old":{}}')
})

function copied(t: Test, folder: string): string {
  const name = 'settings.json'
  return t.testdir({ [name]: readFileSync(join(folder, name), 'utf8') })
}
