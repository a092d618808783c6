import { appendFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { lastLines } from '../../launcher/admin-reads.ts'
import { ConsoleLog } from '../../launcher/console-log.ts'
import { levelOf } from '../../launcher/log-line.ts'
import { type Cursor, parsedCursor, readPage } from '../../launcher/log-reader.ts'
import type { LauncherLogLine, LauncherLogPage } from '../../launcher/wire.ts'
import { linesOf, pageIn } from '../../reconciler/drivers/launcher/stored-log.ts'
import { storedTexts } from '../../reconciler/drivers/localfs/stored-log.ts'
import { prepareLauncher, startLauncher } from '../support/launcher.ts'
import { stubStack } from '../support/stub-stack.ts'
import { until } from '../support/until.ts'

const start = Date.parse('2026-11-25T23:59:58.000Z')
const texts = (lines: readonly LauncherLogLine[]) => lines.map(({ text }) => text)

const pageOf = (log: ConsoleLog, cursor: Cursor, limit: number) => readPage(log.files(), cursor, limit)

interface Test {
  testdir(): string
}

/** A log whose clock is the test's. */
function logOf(t: Test, limit = 10_000_000) {
  const directory = join(t.testdir(), 'instance')
  mkdirSync(directory)
  const time = { now: start }
  const open = () => new ConsoleLog(join(directory, 'console.log'), { limit, now: () => time.now })
  return { directory, time, open, log: open(), files: () => readdirSync(directory).toSorted() }
}

function cursorOf(text: string | undefined): Cursor {
  const cursor = parsedCursor(text ?? null)
  if (cursor === undefined) throw new Error(`${text} is no cursor`)
  return cursor
}

t.test('a log is set aside when its day is over, in UTC wherever the machine is', async (t) => {
  const { log, time, files, directory } = logOf(t)
  log.say('late')
  time.now += 1000
  log.say('later')
  t.strictSame(files(), ['console.log'])
  time.now += 1000
  log.say('tomorrow')
  t.strictSame(files(), ['console.2026-11-25.1.log', 'console.log'])
  t.match(readFileSync(join(directory, 'console.2026-11-25.1.log'), 'utf8'), /late.*\n.*later.*\n$/)
  t.strictSame(texts(lastLines(log, 2)), ['later', 'tomorrow'], 'the tail reaches over it')
})

t.test('a log is set aside when it is large; files and days are bounded', async (t) => {
  const { log, time, files } = logOf(t, 300)
  for (let nth = 0; nth < 100; nth += 1) log.say(`line ${nth} ${'x'.repeat(100)}`)
  t.equal(files().length, 10, 'nine and the one that is written to')
  const numbers = files().flatMap((name) => /\.(\d+)\.log$/.exec(name)?.slice(1).map(Number) ?? [])
  t.equal(Math.max(...numbers) - Math.min(...numbers), 8, 'the newest are kept')
  time.now += 8 * 86_400_000
  log.say('a week later')
  t.equal(files().length, 1)
})

t.test('pages lead through all lines, forwards and backwards, across files and rotations', async (t) => {
  const { log, directory } = logOf(t, 4000)
  const all = Array.from({ length: 157 }, (_, nth) => `line ${nth}`)
  for (const text of all.slice(0, 100)) log.say(text)
  const backwards: string[] = []
  let page: LauncherLogPage = pageOf(log, { kind: 'newest' }, 10)
  const newest = page
  for (const text of all.slice(100)) log.say(text)
  for (;;) {
    backwards.unshift(...texts(page.lines))
    if (page.previous === undefined) break
    page = pageOf(log, cursorOf(page.previous), 7)
  }
  t.strictSame(backwards, all.slice(0, 100), 'what came meanwhile has moved nothing')
  const forwards: string[] = []
  for (page = pageOf(log, cursorOf(newest.next), 7); page.lines.length > 0;) {
    forwards.push(...texts(page.lines))
    page = pageOf(log, cursorOf(page.next), 7)
  }
  t.strictSame(forwards, all.slice(100))
  log.say('one more')
  t.strictSame(
    texts(pageOf(log, cursorOf(page.next), 7).lines),
    ['one more'],
    'the end is a place to go on from',
  )
  const middle = cursorOf(pageOf(log, { kind: 'newest' }, 60).previous)
  t.strictSame(texts(pageOf(log, middle, 3).lines), all.slice(95, 98))
  const stored = await pageIn(storedTexts(directory, AbortSignal.timeout(10_000)), { limit: 60 })
  t.strictSame(stored, pageOf(log, { kind: 'newest' }, 60), 'the reconciler reads the files alike')
  for (const cursor of [stored.previous, stored.next, newest.next, newest.previous, '0'.repeat(16)]) {
    const asked = { limit: 9, ...(cursor === undefined ? {} : { cursor }) }
    t.strictSame(
      await pageIn(storedTexts(directory, AbortSignal.timeout(10_000)), asked),
      pageOf(log, cursorOf(cursor), 9),
      cursor ?? 'the newest',
    )
  }
})

t.test('lines of one moment, and of a clock that goes back, keep their order', async (t) => {
  const { log, time, open } = logOf(t)
  log.say('a\nb\nc')
  time.now -= 60_000
  log.say('d')
  const again = open()
  again.say('e')
  const { lines } = pageOf(again, { kind: 'newest' }, 10)
  t.strictSame(texts(lines), ['a', 'b', 'c', 'd', 'e'])
  const ids = lines.map(({ id = '' }) => id)
  t.strictSame(ids.toSorted(), ids)
  t.equal(new Set(ids).size, 5)
})

t.test('half a line, and what is no line, cost nothing but themselves', async (t) => {
  const { log, directory, open } = logOf(t)
  log.say('one')
  appendFileSync(join(directory, 'console.log'), Buffer.from([0xff, 0xfe, 0, 0x0a]))
  appendFileSync(join(directory, 'console.log'), 'x'.repeat(200_000))
  const again = open()
  again.say(`long ${'ü'.repeat(50_000)}`)
  again.say('two')
  t.strictSame(
    texts(lastLines(again, 10)).map((text) => text.slice(0, 4)),
    ['one', 'long', 'two'],
  )
  const first = pageOf(again, { kind: 'after', place: 0 }, 1)
  t.strictSame(texts(first.lines), ['one'])
  t.strictSame(
    texts(pageOf(again, cursorOf(first.next), 5).lines).map((text) => text.length),
    [50_005, 3],
  )
})

t.test('where the disk takes nothing, the last lines are still told', async (t) => {
  const log = new ConsoleLog('/proc/nowhere/console.log')
  log.say('still here')
  t.strictSame(texts(lastLines(log, 10)), ['still here'])
  t.strictSame(texts(log.recent()), ['still here'])
})

t.test('lines of an earlier version are read by their time', async (t) => {
  const { directory, open } = logOf(t)
  const old = [1, 2, 3].map((nth) => ({
    at: `2026-11-25T00:00:0${nth}.000Z`,
    source: 'launcher',
    text: `${nth}`,
  }))
  writeFileSync(join(directory, 'console.log'), old.map((line) => `${JSON.stringify(line)}\n`).join(''))
  const log = open()
  log.say('4')
  const page = pageOf(log, { kind: 'newest' }, 2)
  t.strictSame(texts(page.lines), ['3', '4'])
  t.strictSame(texts(pageOf(log, cursorOf(page.previous), 5).lines), ['1', '2'])
})

t.test('a level is what Node-RED itself named', async (t) => {
  t.equal(levelOf('25 Nov 13:18:09 - [info] Started flows'), 'info')
  t.equal(levelOf('[31m5 Nov 13:18:09 - [error] [function:fn] no'), 'error')
  t.equal(levelOf('a flow says [info]'), undefined)
  t.equal(levelOf('25 Nov 13:18:09 - [audit] {}'), undefined)
})

t.test('the admin API pages, begins at a time, and refuses what is no cursor', async (t) => {
  const says = `
for (let nth = 0; nth < 40; nth += 1) console.log('line ' + nth)
require('node:http').createServer((_, response) => response.end()).listen(settings.uiPort, settings.uiHost)
`
  const launcher = await prepareLauncher(t, {}, stubStack(t, says))
  const began = new Date().toISOString()
  launcher.launch()
  await launcher.when('it runs', ({ phase }) => phase === 'running')
  const page = async (query: string): Promise<LauncherLogPage> =>
    JSON.parse((await launcher.admin('GET', `/logs?${query}`)).text)
  const newest = await page('limit=5')
  t.equal(newest.lines.length, 5)
  const before = await page(`limit=5&cursor=${newest.previous}`)
  t.ok(Number(before.lines.at(-1)?.id) < Number(newest.lines.at(0)?.id))
  t.strictSame((await page(`cursor=${before.next}&limit=5`)).lines, newest.lines)
  for (const query of [
    'cursor=abc',
    'cursor=',
    'cursor=-1',
    'limit=0',
    'limit=501',
    'limit=x',
    'since=today',
  ]) {
    const { status, text } = await launcher.admin('GET', `/logs?${query}`)
    t.equal(status, 400, query)
    t.match(JSON.parse(text).error, /cursor is not one|limit is a number|since is a moment/)
  }
  const { text } = await launcher.admin('GET', `/logs?since=${began}`)
  t.equal(text.match(/"line \d+"/g)?.length, 40)
  t.equal((await launcher.admin('GET', '/logs?since=2999-01-01T00:00:00Z')).text, '')
  const stored: LauncherLogLine[] = []
  for await (const line of linesOf(
    storedTexts(launcher.directory, AbortSignal.timeout(10_000)),
    Date.parse(began),
  ))
    stored.push(line)
  t.equal(`${stored.map((line) => JSON.stringify(line)).join('\n')}\n`, text)
})

t.test('the levels of a real Node-RED are kept', async (t) => {
  const launcher = await startLauncher(t)
  const lines = await until('its flows have started', async () => {
    const { text } = await launcher.admin('GET', '/logs?tail=1000')
    const read: LauncherLogLine[] = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    return read.some(({ text }) => text.endsWith('Started flows')) && read
  })
  t.match(
    lines.find(({ text }) => text.endsWith('Started flows')),
    { source: 'node-red', level: 'info' },
  )
  t.notOk(lines.some(({ source, level }) => source === 'launcher' && level !== undefined))
})
