import type { LauncherLogPage } from '../../../launcher/wire.ts'
import type { LogLine, LogOptions, LogPageOptions } from '../driver.ts'
import { parseLogLine } from './admin-client.ts'

/** What a launcher left in its files, line by line, oldest first. */
export type StoredTexts = AsyncIterable<string> | Iterable<string>

/** From a moment on, in milliseconds. */
export async function* linesOf(texts: StoredTexts, since = 0): AsyncGenerator<LogLine> {
  for await (const text of texts) {
    const line = parseLogLine(text)
    if (line !== undefined && Date.parse(line.at) >= since) yield line
  }
}

/** As the launcher would begin its stream; nothing more comes. */
export async function* streamOf(
  texts: StoredTexts,
  { tail, since }: Pick<LogOptions, 'tail' | 'since'>,
): AsyncGenerator<LogLine> {
  if (since === undefined) yield* await lastOf(linesOf(texts), tail)
  else yield* linesOf(texts, Date.parse(since))
}

async function lastOf(all: AsyncIterable<LogLine>, count: number): Promise<readonly LogLine[]> {
  const lines: LogLine[] = []
  for await (const line of all) {
    lines.push(line)
    if (lines.length > count) lines.shift()
  }
  return lines
}

/** One page, as the launcher would give it (launcher/log-reader.ts). */
export async function pageIn(
  texts: StoredTexts,
  { cursor, limit }: LogPageOptions,
): Promise<LauncherLogPage> {
  const lines = linesOf(texts)
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

function placeOf({ id, at }: LogLine): number {
  return id === undefined ? Date.parse(at) * 1000 : Number(id)
}

function idOf(place: number): string {
  return String(place).padStart(16, '0')
}
