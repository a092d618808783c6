import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import t from 'tap'
import { headOf } from '../conformance/audit-conformance.ts'
import { instanceToken, openDoors } from '../support/door-fixture.ts'
import { severableLink } from '../support/severable-link.ts'
import { until } from '../support/until.ts'

interface Event {
  readonly id: string
  readonly at: string
  readonly event: string
  readonly target?: string
  readonly from?: string
  readonly to?: string
  readonly count?: number
}

type Answer =
  | { readonly kind: 'answer'; readonly status: number; readonly body?: unknown }
  | { readonly kind: 'unreachable'; readonly reason: string; readonly status?: number }

interface Trail {
  record(told: { readonly event: string; readonly user?: string; readonly target?: string }): void
  end(): void
}

interface Size {
  readonly events: number
  readonly bytes: number
}

const plugin: { createTrail(parts: object): Trail } = createRequire(import.meta.url)(
  '../../launcher/plugins/audit/audit.cjs',
)

const doorModule: { createDoor(place: object, part: string): object } = createRequire(import.meta.url)(
  '../../launcher/plugins/storage/door.cjs',
)

function linesIn(folder: string): readonly string[] {
  const spool = join(folder, 'spool.jsonl')
  return existsSync(spool) ? readFileSync(spool, 'utf8').split('\n').filter(Boolean) : []
}

/** A door that a test opens and closes, and a trail that ends there. */
function setUp(
  t: { testdir(content: Record<string, never>): string },
  {
    limits,
    folder = join(t.testdir({}), 'audit'),
  }: { limits?: { memory: Size; all: Size }; folder?: string } = {},
) {
  const calls: (readonly Event[])[] = []
  const warnings: string[] = []
  const door = {
    answer: (_events: readonly Event[]): Answer => ({ kind: 'answer', status: 200 }),
    open: 0,
    async ask(_method: string, _path: string, { content }: { readonly content: string }): Promise<Answer> {
      const { events }: { events: readonly Event[] } = JSON.parse(content)
      door.open += 1
      if (door.open > 1) throw new Error('two calls at once')
      await new Promise((resolve) => setImmediate(resolve))
      door.open -= 1
      calls.push(events)
      return door.answer(events)
    },
  }
  let runs = 0
  let clock = Date.UTC(2026, 0, 1)
  const start = (other?: object) =>
    plugin.createTrail({
      folder,
      door: other ?? door,
      warn: (text: string) => warnings.push(text),
      random: () => 0,
      boot: `boot-${(runs += 1)}`,
      now: () => new Date((clock += 1)).toISOString(),
      gatherMs: 0,
      ...(limits && { limits }),
    })
  const spool = join(folder, 'spool.jsonl')
  const waiting = () => linesIn(folder)
  /** What the door has, each once. */
  const taken = () => [...new Map(calls.flat().map((event) => [event.id, event])).values()]
  return { door, calls, warnings, start, folder, spool, waiting, taken }
}

/** The door of a run that ends before it has an answer: it does nothing any more. */
const silent = { ask: async () => new Promise(() => undefined) }
const away: Answer = { kind: 'unreachable', reason: 'nobody there' }
const deploy = (target: string) => ({ event: 'deploy', target })
const targets = (events: readonly Event[]) => events.map(({ target }) => target)
const numbers = (count: number) => Array.from({ length: count }, (_, index) => String(index))

t.test('events go out in batches, in order, and leave nothing behind', async (t) => {
  const { start, calls, taken, waiting, spool, folder } = setUp(t)
  const trail = start()
  for (const number of numbers(250)) trail.record(deploy(number))
  await until('all has arrived', () => taken().length === 250 && waiting().length === 0)
  t.same(targets(calls.flat()), numbers(250))
  t.ok(calls.every((events) => events.length <= 100))
  t.equal(statSync(spool).mode & 0o777, 0o600)
  t.equal(statSync(folder).mode & 0o777, 0o700)
  trail.record(deploy('later'))
  await until('it arrives', () => taken().length === 251)
})

t.test('recording returns at once, and a burst costs no more memory than there is room for', async (t) => {
  const { start, calls, taken, waiting } = setUp(t)
  const trail = start()
  const burst = 100_000
  for (let each = 0; each < burst; each += 1) trail.record(deploy(String(each)))
  t.same([calls.length, waiting().length], [0, 0], 'nothing was sent or written meanwhile')
  await until('the gap is told', () => taken().some(({ event }) => event === 'gap'))
  const events = taken()
  const told = events.filter(({ event }) => event === 'deploy')
  const gap = events.find(({ event }) => event === 'gap')
  t.same(targets(told), numbers(1000), 'what was there first stays')
  t.equal(gap?.count, burst - 1000, 'and the rest is counted')
  t.match(gap, { at: gap?.to })
  t.ok(String(told.at(-1)?.at) < String(gap?.from) && String(gap?.from) < String(gap?.to))
  trail.record(deploy('after it'))
  await until('it goes on', () => taken().at(-1)?.target === 'after it')
})

t.test(
  'what waits survives the end of the process, and a line that was torn costs itself alone',
  async (t) => {
    const { start, taken, waiting, spool } = setUp(t)
    const first = start(silent)
    for (const number of numbers(5)) first.record(deploy(number))
    await until('they wait', () => waiting().length === 5)
    appendFileSync(spool, '{"id":"boot-1:6","at":"2026-01-01T00:0')
    const second = start()
    second.record(deploy('after'))
    await until('all has arrived', () => taken().length === 7)
    const events = taken()
    t.same(targets(events), [...numbers(5), 'after', undefined])
    t.match(events.at(-1), { event: 'gap', count: 1 })
    await until('nothing waits', () => waiting().length === 0)
  },
)

t.test('events of the moment in which Node-RED ends are written', async (t) => {
  const { start, door, waiting } = setUp(t)
  door.answer = () => away
  const trail = start()
  trail.record(deploy('one'))
  await until('it waits', () => waiting().length === 1)
  trail.record(deploy('two'))
  trail.end()
  t.same(
    new Set(waiting().map((line) => JSON.parse(line).target)),
    new Set(['one', 'two']),
    'with nothing awaited',
  )
})

const small = { memory: { events: 10, bytes: 10_000 }, all: { events: 20, bytes: 20_000 } }

/** Records them one by one, each with time to get to the disk. */
async function recordSlowly(
  trail: Trail,
  waiting: () => readonly string[],
  events: readonly string[],
  event: string,
) {
  for (const target of events) {
    const before = waiting().length
    trail.record({ event, target })
    await until('it waits', () => waiting().length > before)
  }
}

t.test('while nobody takes them the oldest stay, the rest is a gap, and the gap arrives', async (t) => {
  const { start, taken, waiting, folder } = setUp(t, { limits: small })
  const trail = start(silent)
  await recordSlowly(trail, waiting, numbers(20), 'deploy')
  for (const number of numbers(30)) trail.record(deploy(`lost ${number}`))
  const note = join(folder, 'gap.json')
  const noted = await until('the gap is noted', () => existsSync(note) && readFileSync(note, 'utf8'))
  t.match(JSON.parse(noted), { count: 30, deeds: 30 })
  t.equal(waiting().length, 20)
  // as after a kill
  const next = start()
  next.record(deploy('perhaps lost as well'))
  await until('the gap arrives', () => taken().some(({ event }) => event === 'gap'))
  const events = taken().filter(({ target }) => target !== 'perhaps lost as well')
  t.same(targets(events).slice(0, 20), numbers(20))
  const gaps = events.filter(({ event }) => event === 'gap')
  t.ok(gaps.reduce((sum, { count = 0 }) => sum + count, 0) >= 30)
  await until('nothing is noted any more', () => !existsSync(note))
})

t.test('the reconciler takes events and gaps as they are', async (t) => {
  const { folder, start } = setUp(t, { limits: small })
  const doors = await openDoors({ testdir: () => t.testdir({}), teardown: (end) => t.teardown(end) })
  const link = await severableLink(await doors.server.listen({ port: 0, host: '127.0.0.1' }))
  t.teardown(async () => link[Symbol.asyncDispose]())
  const door = doorModule.createDoor({ url: link.url, token: instanceToken }, '/audit')
  link.mode = 'down'
  const trail = start(door)
  const before = await headOf(doors.store)
  await recordSlowly(trail, () => linesIn(folder), numbers(20), 'deploy')
  for (let each = 0; each < 500; each += 1) trail.record({ event: 'sign-in-refused', user: 'olga' })
  link.mode = 'up'
  const entries = await until('the gap is in the trail', async () => {
    const found = await doors.store.audit({ limit: 50, instance: { name: 'press', uid: 'uid-press' } })
    return found[0]?.event === 'gap' && found.filter(({ id }) => id > before.id).toReversed()
  })
  t.same(
    entries.map(({ event, target }) => [event, target]),
    [...numbers(20).map((number) => ['deploy', number]), ['gap', 'refusals only']],
  )
  t.match(entries.at(-1), { count: 500, from: /Z$/, to: entries.at(-1)?.at })
  await headOf(doors.store)
})

t.test('a flood of refusals leaves room for what is done', async (t) => {
  const { start, door, taken, waiting } = setUp(t, { limits: small })
  door.answer = () => away
  const trail = start()
  await recordSlowly(trail, waiting, numbers(10), 'sign-in-refused')
  for (const user of numbers(1000)) trail.record({ event: 'sign-in-refused', user })
  await recordSlowly(trail, waiting, ['a deed'], 'deploy')
  door.answer = () => ({ kind: 'answer', status: 200 })
  await until('the gap arrives', () => taken().some(({ event }) => event === 'gap'))
  t.ok(targets(taken()).includes('a deed'))
  t.match(
    taken().find(({ event }) => event === 'gap'),
    { count: 1000, target: 'refusals only' },
  )
})

t.test('where the token is refused nothing more is sent, and nothing is lost', async (t) => {
  const { start, door, calls, warnings, waiting } = setUp(t)
  door.answer = () => ({ kind: 'unreachable', reason: 'the reconciler answers 401', status: 401 })
  const trail = start()
  await recordSlowly(trail, waiting, ['one'], 'deploy')
  await until('it is said', () => warnings.length === 1)
  await recordSlowly(trail, waiting, numbers(20), 'deploy')
  t.equal(calls.length, 1)
  t.equal(waiting().length, 21)
  t.match(warnings, [/wait on this machine: the reconciler answers 401/])
})

t.test('an event that the reconciler does not take holds up no other', async (t) => {
  const { start, door, taken, calls, waiting } = setUp(t)
  door.answer = (events) => ({
    kind: 'answer',
    status: events.some(({ target }) => target === 'odd') ? 400 : 200,
    body: { detail: 'it is odd' },
  })
  const trail = start()
  for (const target of ['one', 'odd', 'two']) trail.record(deploy(target))
  await until('the others arrive', () => taken().some(({ event }) => event === 'gap'))
  t.same(
    calls.map((events) => targets(events)),
    [['one', 'odd', 'two'], ['one'], ['odd'], ['two'], [undefined]],
  )
  t.match(calls.at(-1), [{ event: 'gap', count: 1 }])
  await until('nothing waits', () => waiting().length === 0)
})

t.test('the file is kept short while it never gets empty', async (t) => {
  const { start, door, taken, spool } = setUp(t)
  const trail = start()
  let [sent, longest] = [0, 0]
  const long = 'x'.repeat(240)
  const send = (count: number) => {
    for (let each = 0; each < count && sent < 6000; each += 1) trail.record(deploy(`${(sent += 1)} ${long}`))
  }
  door.answer = (events) => {
    longest = Math.max(longest, statSync(spool).size)
    send(events.length)
    return { kind: 'answer', status: 200 }
  }
  send(500)
  await until('all has arrived', () => taken().length === 6000)
  t.same(
    taken().map(({ target }) => Number.parseInt(String(target), 10)),
    Array.from({ length: 6000 }, (_, index) => index + 1),
  )
  t.ok(longest < 1024 * 1024, `${longest} bytes`)
})

t.test('a folder that cannot be written costs the events, and they are counted', async (t) => {
  const { start, taken, warnings, folder } = setUp(t, { folder: join(t.testdir({}), 'place') })
  writeFileSync(folder, 'a file')
  const trail = start()
  trail.record(deploy('one'))
  await until('it is said', () => warnings.some((text) => /cannot be written/.test(text)))
  rmSync(folder)
  mkdirSync(folder)
  await until('it arrives after all', () => taken().length > 0)
  t.same(targets(taken()), ['one'])
})
