import { LineSplitter } from './log-buffer.ts'
import { sampleOf } from './samples.ts'
import { type LauncherSample, sampleFields } from './wire.ts'

/** What Node-RED says on its report descriptor (plugins/reports/), one JSON array a line. */
export interface ReportListener {
  /** Its flows have started. */
  flows(): void
  sample(sample: LauncherSample): void
}

const longestLine = 1024
/** The last moment that has a date (ECMA-262). */
const endOfTime = 8.64e15

/** Reads what Node-RED reports. Anything may stand there, nodes run in the same process: what is no report is dropped. */
export class ChildReports {
  readonly #listener: ReportListener
  readonly #lines = new LineSplitter(longestLine)

  constructor(listener: ReportListener) {
    this.#listener = listener
  }

  take(bytes: Buffer): void {
    for (const line of this.#lines.push(bytes)) this.#understand(parsed(line))
  }

  #understand(report: readonly unknown[]): void {
    const [kind, ...numbers] = report
    if (kind === 'flows') this.#listener.flows()
    if (kind !== 'sample' || numbers.length !== sampleFields.length + 1) return
    const [at = 0, ...values] = numbers.map((value) => (isNumber(value) ? Math.max(0, value) : 0))
    if (at < endOfTime) this.#listener.sample(sampleOf(at, values))
  }
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}

function parsed(line: string): readonly unknown[] {
  try {
    const report: unknown = JSON.parse(line)
    return Array.isArray(report) ? report.map((value: unknown) => value) : []
  } catch {
    return []
  }
}
