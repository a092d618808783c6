import { fs } from './builtin.ts'
import { LogBuffer, withoutControls } from './log-buffer.ts'
import type { LauncherLogLine } from './wire.ts'

const { closeSync, fstatSync, openSync, readSync, renameSync, writeSync } = fs

const linesKept = 1000
const largestFile = 10 * 1024 * 1024

const mostRead = 256 * 1024

/** Where the launcher says what it does. */
export type Say = (text: string) => void

/**
 * The console of the instance: `console.log`, JSON lines, set aside as `console.log.1` when it reaches 10 MiB, and the
 * last 1000 lines in memory, those of an earlier launcher among them. A disk that is full or gone costs lines in the file and nothing else.
 */
export class ConsoleLog {
  readonly #path: string
  readonly #limit: number
  readonly #buffer = new LogBuffer(linesKept)
  readonly #followers = new Set<(line: LauncherLogLine) => void>()
  #file: number | undefined
  #size = 0

  constructor(path: string, limit = largestFile) {
    this.#path = path
    this.#limit = limit
    for (const line of lastLines(path)) this.#buffer.push(line)
    this.#open()
  }

  readonly say: Say = (text) => this.write('launcher', text.split('\n'))

  write(source: LauncherLogLine['source'], texts: readonly string[]): void {
    if (texts.length === 0) return
    const at = new Date().toISOString()
    const lines = texts.map((text) => ({ at, source, text: withoutControls(text) }))
    this.#append(lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
    for (const line of lines) {
      this.#buffer.push(line)
      for (const follower of this.#followers) follower(line)
    }
  }

  tail(count: number): readonly LauncherLogLine[] {
    return this.#buffer.tail(count)
  }

  /** Calls `follower` with every further line until the function it returns is called. */
  follow(follower: (line: LauncherLogLine) => void): () => void {
    this.#followers.add(follower)
    return () => this.#followers.delete(follower)
  }

  #append(text: string): void {
    try {
      if (this.#file === undefined) this.#open()
      if (this.#file !== undefined) this.#size += writeSync(this.#file, text)
      if (this.#size >= this.#limit) this.#rotate()
    } catch {
      this.#close()
    }
  }

  #open(): void {
    try {
      this.#file = openSync(this.#path, 'a', 0o600)
      this.#size = fstatSync(this.#file).size
    } catch {
      this.#file = undefined
    }
  }

  #rotate(): void {
    this.#close()
    renameSync(this.#path, `${this.#path}.1`)
    this.#open()
  }

  #close(): void {
    if (this.#file !== undefined) closeSync(this.#file)
    this.#file = undefined
  }
}

/** The last lines that the file holds; none where it cannot be read. */
function lastLines(path: string): readonly LauncherLogLine[] {
  let file: number | undefined
  try {
    file = openSync(path, 'r')
    const { size } = fstatSync(file)
    const bytes = Buffer.alloc(Math.min(size, mostRead))
    readSync(file, bytes, 0, bytes.length, size - bytes.length)
    return bytes
      .toString('utf8')
      .split('\n')
      .flatMap((text) => parsedLine(text) ?? [])
  } catch {
    return []
  } finally {
    if (file !== undefined) closeSync(file)
  }
}

/** Undefined for what is no whole line: the first may be cut off, and so may the last of a launcher that was killed. */
function parsedLine(text: string): LauncherLogLine | undefined {
  try {
    const line: unknown = JSON.parse(text)
    return isLine(line) ? line : undefined
  } catch {
    return undefined
  }
}

function isLine(value: unknown): value is LauncherLogLine {
  if (typeof value !== 'object' || value === null) return false
  const { at, source, text }: Partial<Record<string, unknown>> = { ...value }
  return (
    typeof at === 'string' && (source === 'launcher' || source === 'node-red') && typeof text === 'string'
  )
}
