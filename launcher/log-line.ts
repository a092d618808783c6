import { type LauncherLogLine, type LogLevel, logLevels } from './wire.ts'

/** How Node-RED begins a line of its console, maybe coloured: `25 Nov 13:18:09 - [info] `. */
const nodeRedPrefix = /^(?:\[\d+m)?\d{1,2} [A-Z][a-z]{2} \d{2}:\d{2}:\d{2} - \[([a-z]+)\] /

/** The level that Node-RED gave a line; undefined where it is not one of its own. */
export function levelOf(text: string): LogLevel | undefined {
  const [, word] = nodeRedPrefix.exec(text) ?? []
  return logLevels.find((level) => level === word)
}

/** Undefined for what is no whole line: the first may be cut off, and so may the last of a launcher that was killed. */
export function parsedLine(text: string): LauncherLogLine | undefined {
  try {
    const line: unknown = JSON.parse(text)
    return isLine(line) ? line : undefined
  } catch {
    return undefined
  }
}

/** Where a line stands among the others; one of an earlier version has no id and goes by its time. */
export function placeOf({ id, at }: Pick<LauncherLogLine, 'id' | 'at'>): number {
  return id === undefined ? Date.parse(at) * 1000 : Number(id)
}

/** An id of that place: 16 digits, so that the order of texts is that of lines. */
export function idOf(place: number): string {
  return String(place).padStart(16, '0')
}

function isLine(value: unknown): value is LauncherLogLine {
  if (typeof value !== 'object' || value === null) return false
  const { id, at, source, text }: Partial<Record<string, unknown>> = { ...value }
  return (
    (id === undefined || typeof id === 'string') &&
    typeof at === 'string' &&
    (source === 'launcher' || source === 'node-red') &&
    typeof text === 'string'
  )
}
