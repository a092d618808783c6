import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { LogLine, LogOptions } from '../driver.ts'
import { askState, parseLogLine, readLogs } from './admin-client.ts'
import type { InstanceDirectories } from './directories.ts'
import { hasCode } from '../../model/has-code.ts'

const answerWithinMs = 2_000

interface Wanted {
  readonly fleet: string
  readonly directories: Pick<InstanceDirectories, 'path' | 'read'>
  readonly uid: string
  readonly options: LogOptions
}

/** The console log: from the launcher while it lives, otherwise what it left in its file. */
export async function* instanceLogs(
  { fleet, directories, uid, options }: Wanted,
  signal: AbortSignal,
): AsyncGenerator<LogLine> {
  const { record, bootstrap } = await directories.read(uid)
  if (record.kind === 'read' && record.value.fleet !== fleet) return
  if (bootstrap.kind === 'read') {
    const answer = await askState(bootstrap.value, answerWithinMs, signal)
    if (answer.kind === 'answered' && answer.state.uid === uid) {
      yield* readLogs(bootstrap.value, options, signal)
      return
    }
  }
  yield* await lastLines(join(directories.path(uid), 'console.log'), options.tail, signal)
}

async function lastLines(file: string, tail: number, signal: AbortSignal): Promise<readonly LogLine[]> {
  const lines: LogLine[] = []
  try {
    for await (const line of createInterface({
      input: createReadStream(file, { signal }),
      crlfDelay: Infinity,
    })) {
      const parsed = parseLogLine(line)
      if (parsed === undefined) continue
      lines.push(parsed)
      if (lines.length > tail) lines.shift()
    }
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error
  }
  return lines
}
