import { fs } from './builtin.ts'

const { readFileSync, rmSync, statSync, writeFileSync } = fs

/**
 * Takes a lock that is a file with the process id of who holds it. False where another process that lives holds it, and
 * has not for longer than it may. Two may in rare cases hold it at once: it saves work, and no more depends on it.
 */
export function tryLock(file: string, { heldAtMostMs, now }: { heldAtMostMs: number; now: number }): boolean {
  if (create(file)) return true
  if (!isStale(file, now - heldAtMostMs)) return false
  rmSync(file, { force: true })
  return create(file)
}

export function unlock(file: string): void {
  rmSync(file, { force: true })
}

export function lives(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

function create(file: string): boolean {
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx', mode: 0o600 })
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  }
}

function isStale(file: string, takenBefore: number): boolean {
  const stat = statSync(file, { throwIfNoEntry: false })
  if (stat === undefined) return false
  if (stat.mtimeMs < takenBefore) return true
  // One that is just being written has no content yet.
  const pid = Number.parseInt(read(file), 10)
  // In a container every launcher has the same id: the lock is of one before.
  return Number.isInteger(pid) && (pid === process.pid || !lives(pid))
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
