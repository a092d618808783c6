import { StringDecoder } from 'node:string_decoder'
import type { LauncherLogLine } from './wire.ts'

/** The last lines of the console, oldest first, in bounded memory. */
export class LogBuffer {
  readonly #capacity: number
  readonly #lines: LauncherLogLine[] = []
  #next = 0

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  push(line: LauncherLogLine): void {
    this.#lines[this.#next] = line
    this.#next = (this.#next + 1) % this.#capacity
  }

  /** The last `count` lines that are kept. */
  tail(count: number): readonly LauncherLogLine[] {
    const inOrder =
      this.#lines.length < this.#capacity
        ? this.#lines
        : [...this.#lines.slice(this.#next), ...this.#lines.slice(0, this.#next)]
    return count <= 0 ? [] : inOrder.slice(-count)
  }
}

/**
 * Cuts a stream of bytes into lines of at most `longest` characters; what is beyond goes into further lines. UTF-8
 * sequences cut by the stream are put together again.
 */
export class LineSplitter {
  readonly #decoder = new StringDecoder('utf8')
  readonly #longest: number
  #rest = ''

  constructor(longest: number) {
    this.#longest = longest
  }

  /** The lines that these bytes complete. */
  push(bytes: Buffer): readonly string[] {
    const parts = (this.#rest + this.#decoder.write(bytes)).split('\n')
    const open = this.#cut(parts.pop() ?? '')
    this.#rest = open.pop() ?? ''
    return [...parts.flatMap((part) => this.#cut(part.endsWith('\r') ? part.slice(0, -1) : part)), ...open]
  }

  /** The last line, where the stream did not end with a line break. */
  end(): readonly string[] {
    const rest = this.#rest + this.#decoder.end()
    this.#rest = ''
    return rest === '' ? [] : this.#cut(rest)
  }

  #cut(line: string): string[] {
    if (line.length <= this.#longest) return [line]
    const pieces = []
    for (let start = 0; start < line.length; start += this.#longest) {
      pieces.push(line.slice(start, start + this.#longest))
    }
    return pieces
  }
}

/** Without control characters (C0 but tab, DEL, C1), so that a line can command no terminal. */
export function withoutControls(text: string): string {
  // oxlint-disable-next-line no-control-regex
  return text.replaceAll(/[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/g, '')
}
