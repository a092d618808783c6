import { styleText } from 'node:util'
import { noPaint, type Paint } from '../plan/render-text.ts'

/** Where a command writes: the answer to `out`, everything about it to `err`. */
export interface Terminal {
  readonly out: (text: string) => void
  readonly err: (text: string) => void
  /** Settles when whoever reads `out` has caught up, for an answer that is longer than memory. */
  readonly drained: () => Promise<void>
  readonly paintOut: Paint
  readonly paintErr: Paint
  /** Whether a person reads `err`. */
  readonly interactive: boolean
}

interface Stream {
  write(text: string): unknown
  readonly isTTY?: boolean
  readonly writableNeedDrain?: boolean
  once(event: 'drain', listener: () => void): unknown
}

/** Colour on a terminal, plain text elsewhere and where NO_COLOR is set (https://no-color.org). */
export function createTerminal(streams: {
  readonly stdout: Stream
  readonly stderr: Stream
  readonly noColour: boolean
}): Terminal {
  const { stdout, stderr, noColour } = streams
  const paintFor = ({ isTTY }: Stream): Paint => (isTTY === true && !noColour ? paint : noPaint)
  return {
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    drained: async () => {
      if (stdout.writableNeedDrain !== true) return
      const { promise, resolve } = Promise.withResolvers<void>()
      stdout.once('drain', resolve)
      await promise
    },
    paintOut: paintFor(stdout),
    paintErr: paintFor(stderr),
    interactive: stderr.isTTY === true,
  }
}

const paint: Paint = (style, text) => styleText(style, text, { validateStream: false })

/** Columns as wide as their widest cell, two spaces apart. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows.reduce<number[]>(
    (known, row) => row.map((cell, column) => Math.max(known[column] ?? 0, cell.length)),
    [],
  )
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join('')
}
