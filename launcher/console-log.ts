import { fs } from './builtin.ts'
import { LogBuffer, withoutControls } from './log-buffer.ts'
import { archivePath, dayOf, logFiles, pruneArchives } from './log-files.ts'
import { idOf, levelOf, placeOf } from './log-line.ts'
import { type Cursor, linesBefore, readPage } from './log-reader.ts'
import type { LauncherLogLine, LauncherLogPage } from './wire.ts'

const { closeSync, fstatSync, openSync, readSync, renameSync, writeSync } = fs

/** More are read from the files; these are for a disk that is full, and for the status. */
const linesInMemory = 50
const largestFile = 10 * 1024 * 1024

/** Where the launcher says what it does. */
export type Say = (text: string) => void

/**
 * The console of the instance: `console.log`, JSON lines, set aside (log-files.ts) when it reaches 10 MiB or the day, in
 * UTC, is over. A disk that is full or gone costs lines in the file and nothing else.
 */
export class ConsoleLog {
  readonly #path: string
  readonly #limit: number
  readonly #now: () => number
  readonly #recent = new LogBuffer(linesInMemory)
  readonly #followers = new Set<(line: LauncherLogLine) => void>()
  #file: number | undefined
  #size = 0
  /** The day of what stands in the file. */
  #day: string
  #place = 0

  constructor(path: string, { limit = largestFile, now = Date.now } = {}) {
    this.#path = path
    this.#limit = limit
    this.#now = now
    this.#day = dayOf(now())
    for (const line of linesBefore(logFiles(path), Infinity, linesInMemory)) {
      this.#recent.push(line)
      this.#place = Math.max(this.#place, placeOf(line))
      this.#day = line.at.slice(0, 10)
    }
    this.#open()
    this.#guarded(() => pruneArchives(path, now()))
  }

  readonly say: Say = (text) => this.write('launcher', text.split('\n'))

  write(source: LauncherLogLine['source'], texts: readonly string[]): void {
    if (texts.length === 0) return
    const now = this.#now()
    const at = new Date(now).toISOString()
    const lines = texts.map((raw) => this.#line({ now, at, source }, withoutControls(raw)))
    this.#append(at.slice(0, 10), lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
    for (const line of lines) {
      this.#recent.push(line)
      for (const follower of this.#followers) follower(line)
    }
  }

  /** The last lines, from memory. */
  recent(): readonly LauncherLogLine[] {
    return this.#recent.tail(linesInMemory)
  }

  tail(count: number): readonly LauncherLogLine[] {
    const lines = count <= 0 ? [] : linesBefore(logFiles(this.#path), Infinity, count)
    return lines.length === 0 ? this.#recent.tail(count) : lines
  }

  page(cursor: Cursor, limit: number): LauncherLogPage {
    return readPage(logFiles(this.#path), cursor, limit)
  }

  /** Calls `follower` with every further line until the function it returns is called. */
  follow(follower: (line: LauncherLogLine) => void): () => void {
    this.#followers.add(follower)
    return () => this.#followers.delete(follower)
  }

  #line(
    { now, at, source }: { now: number; at: string; source: LauncherLogLine['source'] },
    text: string,
  ): LauncherLogLine {
    this.#place = Math.max(this.#place + 1, now * 1000)
    const level = source === 'node-red' ? levelOf(text) : undefined
    return { id: idOf(this.#place), at, source, ...(level === undefined ? {} : { level }), text }
  }

  #append(day: string, text: string): void {
    this.#guarded(() => {
      if (this.#file === undefined) this.#open()
      if (this.#size > 0 && (day !== this.#day || this.#size >= this.#limit)) this.#rotate()
      this.#day = day
      if (this.#file !== undefined) this.#size += writeSync(this.#file, text)
    })
  }

  #open(): void {
    try {
      this.#file = openSync(this.#path, 'a+', 0o600)
      this.#size = fstatSync(this.#file).size
      // One that was killed may have left half a line: what follows is not to be lost with it.
      const last = Buffer.alloc(1)
      if (this.#size > 0) readSync(this.#file, last, 0, 1, this.#size - 1)
      if (this.#size > 0 && last.toString() !== '\n') this.#size += writeSync(this.#file, '\n')
    } catch {
      this.#close()
    }
  }

  #rotate(): void {
    this.#close()
    renameSync(this.#path, archivePath(this.#path, this.#day))
    pruneArchives(this.#path, this.#now())
    this.#open()
  }

  #guarded(work: () => void): void {
    try {
      work()
    } catch {
      this.#close()
    }
  }

  #close(): void {
    const file = this.#file
    this.#file = undefined
    if (file !== undefined) closeSync(file)
  }
}
