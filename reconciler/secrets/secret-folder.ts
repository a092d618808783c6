import { statSync, type Stats } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Secret } from '../model/secret.ts'

/** Where secrets are read from. */
export interface SecretReader {
  /** By name; a secret that is not there is absent from the answer. */
  read(names: ReadonlySet<string>, signal: AbortSignal): Promise<ReadonlyMap<string, Secret>>
}

interface Known {
  /** Absent where the file was too young to tell by it. */
  readonly version?: Version
  readonly secret: Secret
}

/** What changes with the content of a file (stat(2)). */
type Version = Pick<Stats, 'dev' | 'ino' | 'size' | 'mtimeMs' | 'ctimeMs'>

/** A file that changed less than this before it was read may change again without showing it. In milliseconds. */
const settled = 2_000

/**
 * A folder with one file per secret, as Docker and Kubernetes mount them. One newline at the end of a file is not
 * part of the secret. A file that stands as it stood is not read again, and its secret is the same object; and so is the
 * whole answer, where all of them do.
 */
export function createSecretFolder(folder: string | undefined, clock: { now(): Date }): SecretReader {
  let known = new Map<string, Known>()
  let last: ReadonlyMap<string, Secret> = new Map()
  const readAnew = async (path: string, stats: Stats, signal: AbortSignal): Promise<Known | undefined> => {
    const young = Math.abs(clock.now().getTime() - stats.ctimeMs) < settled
    const text = await readSecret(path, signal)
    if (text === undefined) return undefined
    const secret = new Secret(text.replace(/\r?\n$/, ''))
    return young ? { secret } : { secret, version: versionOf(stats) }
  }
  return {
    read: async (names, signal) => {
      if (folder === undefined) return last
      const next = new Map<string, Known>()
      let stood = 0
      for (const name of names) {
        const path = join(folder, name)
        const stats = lookAt(path)
        if (stats === undefined) continue
        const before = known.get(name)
        const stands = before !== undefined && isVersion(stats, before.version)
        if (stands) stood += 1
        const now = stands ? before : await readAnew(path, stats, signal)
        if (now !== undefined) next.set(name, now)
      }
      const same = stood === next.size && next.size === known.size
      known = next
      if (!same) last = new Map([...next].map(([name, { secret }]) => [name, secret]))
      return last
    },
  }
}

/** Undefined where there is none. Following links, as a mount has them. */
function lookAt(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false })
  } catch (error) {
    if (error instanceof Error && 'code' in error) return undefined
    throw error
  }
}

function versionOf({ dev, ino, size, mtimeMs, ctimeMs }: Stats): Version {
  return { dev, ino, size, mtimeMs, ctimeMs }
}

function isVersion(stats: Stats, version: Version | undefined): boolean {
  return (
    version !== undefined &&
    stats.ctimeMs === version.ctimeMs &&
    stats.mtimeMs === version.mtimeMs &&
    stats.size === version.size &&
    stats.ino === version.ino &&
    stats.dev === version.dev
  )
}

/**
 * What Linux takes as one variable of an environment, less its name: MAX_ARG_STRLEN (execve(2)) is 128 KiB.
 */
const largestSecret = 127 * 1024

/**
 * Absent, unreadable, a folder, and what no process can be given (a NUL byte, too many bytes) are the same to whoever
 * needs the value: it is not there.
 */
async function readSecret(path: string, signal: AbortSignal): Promise<string | undefined> {
  try {
    const bytes = await readFile(path, { signal })
    return bytes.length > largestSecret || bytes.includes(0) ? undefined : bytes.toString('utf8')
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof Error && 'code' in error) return undefined
    throw error
  }
}
