import { readFileSync } from 'node:fs'

/** Linux tells times in this, whatever the machine (proc(5), sysconf(3)). */
const tickMs = 10

/** Of a process. */
export interface ProcessStat {
  readonly state: string
  readonly group: number
  /** User and system time of all its threads, and of the children that it has waited for; to 10 ms. */
  readonly cpuMs: number
  readonly childrenCpuMs: number
}

/** Undefined where there is no such process. */
export function statOf(pid: number): ProcessStat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    /** As proc(5) counts them; the third is the first behind the name. */
    const field = (number: number) => Number(fields[number - 3])
    return {
      state: fields[0] ?? '',
      group: field(5),
      cpuMs: (field(14) + field(15)) * tickMs,
      childrenCpuMs: (field(16) + field(17)) * tickMs,
    }
  } catch {
    return undefined
  }
}
