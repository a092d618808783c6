import { fs } from './builtin.ts'
import { isGone, ownHolder } from './holder.ts'

const { readFileSync, rmSync, statSync, utimesSync, writeFileSync } = fs

const beatEveryMs = 5_000
const silentForMs = 60_000

/** A lock that is held; disposing gives it back. */
export interface InstallLock extends Disposable {
  readonly file: string
}

/**
 * Takes a lock that is a file with the name of who holds it. Undefined where another process holds it, unless that is known to
 * be gone, or has not been heard of for a minute. Two may in rare cases hold it at once: it saves work, and no more
 * depends on it. `now`: the time in ms since 1970.
 */
export function tryLock(file: string, now: () => number): InstallLock | undefined {
  if (!create(file) && !(isStale(file, now()) && takeOver(file))) return undefined
  const beat = setInterval(() => touch(file, now() / 1000), beatEveryMs)
  beat.unref()
  return {
    file,
    [Symbol.dispose]() {
      clearInterval(beat)
      rmSync(file, { force: true })
    },
  }
}

function takeOver(file: string): boolean {
  rmSync(file, { force: true })
  return create(file)
}

function create(file: string): boolean {
  try {
    writeFileSync(file, ownHolder(), { flag: 'wx', mode: 0o600 })
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  }
}

function isStale(file: string, now: number): boolean {
  const stat = statSync(file, { throwIfNoEntry: false })
  if (stat === undefined) return false
  return stat.mtimeMs < now - silentForMs || isGone(read(file))
}

function touch(file: string, seconds: number): void {
  try {
    utimesSync(file, seconds, seconds)
  } catch {
    // Whoever took it over has given it back.
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
