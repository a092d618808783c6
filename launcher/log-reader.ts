import { fs } from './builtin.ts'
import { idOf, parsedLine, placeOf } from './log-line.ts'
import type { LauncherLogLine, LauncherLogPage } from './wire.ts'

const { closeSync, fstatSync, openSync, readSync } = fs

const chunkSize = 64 * 1024
const newline = 0x0a

/** Where a page begins: after a line, before one, or at the end of the log. */
export type Cursor =
  { readonly kind: 'after' | 'before'; readonly place: number } | { readonly kind: 'newest' }

/** 16 digits mean what comes after that line, with `-` before them what comes before it; undefined for anything else. */
export function parsedCursor(text: string | null): Cursor | undefined {
  if (text === null) return { kind: 'newest' }
  const [, sign, digits] = /^(-?)(\d{16})$/.exec(text) ?? []
  if (digits === undefined) return undefined
  return { kind: sign === '-' ? 'before' : 'after', place: Number(digits) }
}

/** One page of a log: its files oldest first. Files that come or go meanwhile change no line's place. */
export function readPage(files: readonly string[], cursor: Cursor, limit: number): LauncherLogPage {
  const lines = linesAt(files, cursor, limit)
  const [first, last] = [lines.at(0), lines.at(-1)]
  const begin = first === undefined ? undefined : placeOf(first)
  const next = last === undefined ? placeWithout(cursor) : placeOf(last)
  const earlier = linesBefore(files, begin ?? next + 1, 1).length > 0
  return { lines, next: idOf(next), ...(earlier ? { previous: `-${idOf(begin ?? next + 1)}` } : {}) }
}

function linesAt(files: readonly string[], cursor: Cursor, limit: number): readonly LauncherLogLine[] {
  if (cursor.kind === 'after') return linesAfter(files, cursor.place, limit)
  return linesBefore(files, cursor.kind === 'before' ? cursor.place : Infinity, limit)
}

function placeWithout(cursor: Cursor): number {
  if (cursor.kind === 'newest') return 0
  return cursor.kind === 'after' ? cursor.place : Math.max(0, cursor.place - 1)
}

/** The last lines before a place, oldest first. */
export function linesBefore(
  files: readonly string[],
  place: number,
  count: number,
): readonly LauncherLogLine[] {
  let found: readonly LauncherLogLine[] = []
  for (const path of files.toReversed()) {
    const wanted = count - found.length
    if (wanted <= 0) break
    found = [...reading(path, (file) => lastOf(file, place, wanted)), ...found]
  }
  return found
}

/** The first lines after a place, oldest first. */
export function linesAfter(
  files: readonly string[],
  place: number,
  count: number,
): readonly LauncherLogLine[] {
  const found: LauncherLogLine[] = []
  for (const path of files) {
    if (found.length >= count) break
    found.push(...reading(path, (file) => firstOf(file, place, count - found.length)))
  }
  return found
}

interface File {
  readonly descriptor: number
  readonly size: number
}

function reading(path: string, read: (file: File) => readonly LauncherLogLine[]): readonly LauncherLogLine[] {
  let descriptor: number | undefined
  try {
    descriptor = openSync(path, 'r')
    return read({ descriptor, size: fstatSync(descriptor).size })
  } catch {
    return []
  } finally {
    if (descriptor !== undefined) closeSync(descriptor)
  }
}

function lastOf(file: File, place: number, count: number): readonly LauncherLogLine[] {
  let start = place === Infinity ? file.size : offsetOf(file, place - 1)
  let bytes: Buffer = Buffer.alloc(0)
  let lines: readonly LauncherLogLine[] = []
  while (start > 0 && lines.length < count) {
    const length = Math.min(start, Math.max(chunkSize, bytes.length))
    start -= length
    bytes = Buffer.concat([bytesAt(file, start, length), bytes])
    // The first is whole only at the start of the file.
    lines = parsedLines(start === 0 ? bytes : bytes.subarray(bytes.indexOf(newline) + 1))
  }
  return lines.slice(-count)
}

function firstOf(file: File, place: number, count: number): readonly LauncherLogLine[] {
  const begin = offsetOf(file, place)
  let length = chunkSize
  for (;;) {
    const bytes = bytesAt(file, begin, length)
    const whole = bytes.subarray(0, bytes.lastIndexOf(newline) + 1)
    const lines = parsedLines(whole)
    if (lines.length >= count || begin + length >= file.size) return lines.slice(0, count)
    length *= 2
  }
}

/** Where the first line with a greater place begins: found by halving, since places only grow. */
function offsetOf(file: File, place: number): number {
  let [low, high] = [0, file.size]
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    const line = lineFrom(file, middle)
    if (line === undefined || line.place > place) high = middle
    else low = line.end
  }
  return low === 0 ? 0 : beginOfLine(file, low)
}

/** The first line that can be read and begins at this offset or behind it. */
function lineFrom(file: File, offset: number): { readonly place: number; readonly end: number } | undefined {
  let begin = beginOfLine(file, offset)
  while (begin < file.size) {
    const end = endOfLine(file, begin)
    const line = parsedLine(bytesAt(file, begin, end - begin).toString('utf8'))
    if (line !== undefined) return { place: placeOf(line), end: end + 1 }
    begin = end + 1
  }
  return undefined
}

function beginOfLine(file: File, offset: number): number {
  return offset === 0 ? 0 : Math.min(file.size, endOfLine(file, offset - 1) + 1)
}

/** Where the newline at this offset or behind it is; the size of the file where there is none. */
function endOfLine(file: File, offset: number): number {
  for (let at = offset; at < file.size; at += 4096) {
    const found = bytesAt(file, at, 4096).indexOf(newline)
    if (found >= 0) return at + found
  }
  return file.size
}

function bytesAt({ descriptor, size }: File, offset: number, length: number): Buffer {
  const bytes = Buffer.alloc(Math.max(0, Math.min(length, size - offset)))
  return bytes.subarray(0, readSync(descriptor, bytes, 0, bytes.length, offset))
}

function parsedLines(bytes: Buffer): readonly LauncherLogLine[] {
  return bytes
    .toString('utf8')
    .split('\n')
    .flatMap((text) => parsedLine(text) ?? [])
}
