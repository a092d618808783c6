import { fs } from './builtin.ts'
import { LogBuffer, withoutControls } from './log-buffer.ts'
import { archivePath, dayOf, logFiles, pruneArchives } from './log-files.ts'
import { idOf, levelOf, parsedLine, placeOf } from './log-line.ts'
import type { LauncherLogLine } from './wire.ts'

const { closeSync, fstatSync, openSync, readSync, renameSync, writeSync } = fs

/** More are read from the files; these are for a disk that is full, and for the status. */
const linesInMemory = 50
const readAtStart = 4096
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
    this.#open()
    this.#goOn()
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

  /** Where all lines are, oldest first: for log-reader.ts, which is loaded only by who reads. */
  files(): readonly string[] {
    return logFiles(this.#path)
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
      if (this.#size > 0 && (day > this.#day || this.#size >= this.#limit)) this.#rotate()
      if (day > this.#day) this.#day = day
      if (this.#file !== undefined) this.#size += writeSync(this.#file, text)
    })
  }

  #open(): void {
    try {
      this.#file = openSync(this.#path, 'a+', 0o600)
      this.#size = fstatSync(this.#file).size
      // One that was killed may have left half a line: what follows is not to be lost with it.
      if (this.#size > 0 && this.#end(1) !== '\n') this.#size += writeSync(this.#file, '\n')
    } catch {
      this.#close()
    }
  }

  /** Goes on where an earlier launcher stopped: ids only grow, and its day may be over. */
  #goOn(): void {
    if (this.#file === undefined || this.#size === 0) return
    const lines = this.#end(readAtStart)
      .split('\n')
      .flatMap((text) => parsedLine(text) ?? [])
    const last = lines.at(-1)
    this.#day = last?.at.slice(0, 10) ?? dayOf(fstatSync(this.#file).mtimeMs)
    // Where no line can be read there, those before it were written by now.
    this.#place = last === undefined ? this.#now() * 1000 : placeOf(last)
  }

  /** The last bytes of the file. */
  #end(length: number): string {
    const bytes = Buffer.alloc(Math.min(length, this.#size))
    if (this.#file !== undefined) readSync(this.#file, bytes, 0, bytes.length, this.#size - bytes.length)
    return bytes.toString('utf8')
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
