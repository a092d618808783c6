import { readFile, rm, stat, writeFile } from 'node:fs/promises'

/** A lock as old as this belongs to a process that hangs or to a pid that was given anew. */
const oldest = 15 * 60_000

interface LockDependencies {
  readonly clock: { now(): Date; sleep(ms: number, signal: AbortSignal): Promise<void> }
  readonly signal: AbortSignal
}

/** Tells this process from an earlier one of the same pid, which is the rule in containers. */
const self = `${process.pid} ${Math.round(performance.timeOrigin)}`

/**
 * Runs `work` while no other process that uses the same lock file does. The lock of a process that is gone is taken
 * over: the file holds its pid and the moment it started.
 * @throws the reason of the signal, or whatever `work` throws.
 */
export async function withLock<T>(
  file: string,
  work: () => Promise<T>,
  { clock, signal }: LockDependencies,
): Promise<T> {
  while (!(await take(file))) {
    if (await isAbandoned(file, clock.now())) await rm(file, { force: true })
    else await clock.sleep(25, signal)
  }
  try {
    return await work()
  } finally {
    await rm(file, { force: true })
  }
}

async function take(file: string): Promise<boolean> {
  try {
    await writeFile(file, self, { flag: 'wx', mode: 0o600 })
    return true
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false
    throw error
  }
}

async function isAbandoned(file: string, now: Date): Promise<boolean> {
  try {
    const [content, { mtimeMs }] = await Promise.all([readFile(file, 'utf8'), stat(file)])
    if (now.getTime() - mtimeMs > oldest) return true
    // Between creation and its content a lock is empty: its owner lives.
    return content !== '' && content !== self && !isAlive(Number(content.split(' ')[0]))
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false
    throw error
  }
}

function isAlive(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0 || pid === process.pid) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return hasCode(error, 'EPERM')
  }
}

/** Whether an error is the system error of that name. */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
