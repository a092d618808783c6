import { createReadStream } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { logArchive, type LauncherLogPage } from '../../../launcher/wire.ts'
import { hasCode } from '../../model/has-code.ts'
import type { LogLine, LogPageOptions } from '../driver.ts'
import { parseLogLine } from '../launcher/admin-client.ts'

/** The lines that a launcher left in an instance's directory, oldest first; from a moment on, in milliseconds. */
export async function* storedLines(
  directory: string,
  signal: AbortSignal,
  since = 0,
): AsyncGenerator<LogLine> {
  for (const file of await logFiles(directory))
    for await (const text of textLines(file, signal)) {
      const line = parseLogLine(text)
      if (line !== undefined && Date.parse(line.at) >= since) yield line
    }
}

/** None where the file is gone: it may have been set aside or removed meanwhile. */
async function* textLines(file: string, signal: AbortSignal): AsyncGenerator<string> {
  try {
    yield* createInterface({ input: createReadStream(file, { signal }), crlfDelay: Infinity })
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error
  }
}

export async function lastStoredLines(
  directory: string,
  count: number,
  signal: AbortSignal,
): Promise<readonly LogLine[]> {
  const lines: LogLine[] = []
  for await (const line of storedLines(directory, signal)) {
    lines.push(line)
    if (lines.length > count) lines.shift()
  }
  return lines
}

/** One page, as the launcher would give it (launcher/log-reader.ts). */
export async function storedPage(
  directory: string,
  { cursor, limit }: LogPageOptions,
  signal: AbortSignal,
): Promise<LauncherLogPage> {
  const lines = storedLines(directory, signal)
  if (cursor === undefined) return pageBefore(lines, Infinity, limit)
  return cursor.startsWith('-')
    ? pageBefore(lines, Number(cursor.slice(1)), limit)
    : pageAfter(lines, Number(cursor), limit)
}

async function pageBefore(
  all: AsyncIterable<LogLine>,
  place: number,
  limit: number,
): Promise<LauncherLogPage> {
  const lines: LogLine[] = []
  let earlier = false
  for await (const line of all) {
    if (placeOf(line) >= place) break
    lines.push(line)
    earlier ||= lines.length > limit
    if (lines.length > limit) lines.shift()
  }
  return pageOf(lines, place === Infinity ? 0 : Math.max(0, place - 1), earlier)
}

async function pageAfter(
  all: AsyncIterable<LogLine>,
  place: number,
  limit: number,
): Promise<LauncherLogPage> {
  const lines: LogLine[] = []
  let earlier = false
  for await (const line of all) {
    if (lines.length === limit) break
    if (placeOf(line) > place) lines.push(line)
    else earlier = true
  }
  return pageOf(lines, place, earlier)
}

/** `place` is where a page without lines stands. */
function pageOf(lines: readonly LogLine[], place: number, earlier: boolean): LauncherLogPage {
  const [first, last] = [lines.at(0), lines.at(-1)]
  const next = last === undefined ? place : placeOf(last)
  const begin = first === undefined ? next + 1 : placeOf(first)
  return { lines, next: idOf(next), ...(earlier ? { previous: `-${idOf(begin)}` } : {}) }
}

/** Archives by day and number, then the file that was written to last. */
async function logFiles(directory: string): Promise<readonly string[]> {
  const names = await readdir(directory).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return []
    throw error
  })
  const archives = names
    .flatMap((name) => {
      const [, day = '', nth] = logArchive.exec(name) ?? []
      return nth === undefined ? [] : [{ name, day, nth: Number(nth) }]
    })
    .toSorted((a, b) => (a.day === b.day ? a.nth - b.nth : a.day < b.day ? -1 : 1))
  return [...archives.map(({ name }) => name), 'console.log'].map((name) => join(directory, name))
}

function placeOf({ id, at }: LogLine): number {
  return id === undefined ? Date.parse(at) * 1000 : Number(id)
}

function idOf(place: number): string {
  return String(place).padStart(16, '0')
}
