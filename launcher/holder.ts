import { fs } from './builtin.ts'

const { readFileSync, readlinkSync } = fs

/**
 * Which process holds something, as it writes it down. Its id alone does not tell: it is given again, and in containers
 * every launcher may have the same.
 */
interface Holder {
  readonly host: string
  /** Of the kernel, where it tells one (random(4)). */
  readonly boot: string
  /** In which ids of processes mean what they say (pid_namespaces(7)); empty where the system has none. */
  readonly pids: string
  readonly pid: number
  /** When it started, as the kernel counts (`starttime` in proc_pid_stat(5)), or else as it does itself. */
  readonly started: string
}

/** This process, as a text to be written down. */
export function ownHolder(): string {
  return JSON.stringify(own())
}

/** Whether who wrote this down lives no more. False where that cannot be seen from here: on another machine, or in another container. */
export function isGone(text: string): boolean {
  const [holder, me] = [parse(text), own()]
  if (holder === undefined || holder.host !== me.host) return false
  if (holder.boot !== me.boot) return true
  if (holder.pids !== me.pids) return false
  const started = holder.pid === me.pid ? me.started : startOf(holder.pid)
  return started === undefined ? !lives(holder.pid) : started !== holder.started
}

function own(): Holder {
  const { pid } = process
  return {
    host: process.getBuiltinModule('node:os').hostname(),
    boot: read('/proc/sys/kernel/random/boot_id').trim(),
    pids: pidNamespace(),
    pid,
    started: startOf(pid) ?? String(performance.timeOrigin),
  }
}

function pidNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid')
  } catch {
    return ''
  }
}

/** Undefined where it does not run, or the system does not tell. The name before it may hold spaces and parentheses. */
function startOf(pid: number): string | undefined {
  return read(`/proc/${pid}/stat`).split(') ').at(-1)?.split(' ')[19]
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

function parse(text: string): Holder | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isHolder(value) ? value : undefined
  } catch {
    // One that is just being written is not whole yet.
    return undefined
  }
}

function isHolder(value: unknown): value is Holder {
  if (typeof value !== 'object' || value === null) return false
  const { host, boot, pids, pid, started }: Partial<Record<string, unknown>> = { ...value }
  return [host, boot, pids, started].every((each) => typeof each === 'string') && Number.isInteger(pid)
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
