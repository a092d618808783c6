import { statSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Secret } from '../model/secret.ts'

/** Where secrets are read from. */
export interface SecretReader {
  /** By name; a secret that is not there is absent from the answer. */
  read(names: ReadonlySet<string>, signal: AbortSignal): Promise<ReadonlyMap<string, Secret>>
}

interface Known {
  readonly version: string
  readonly secret: Secret
}

/** A file that changed less than this before it was read may change again without showing it. In milliseconds. */
const settled = 2_000

/**
 * A folder with one file per secret, as Docker and Kubernetes mount them. One newline at the end of a file is not
 * part of the secret. A file that stands as it stood is not read again, and its secret is the same object.
 */
export function createSecretFolder(folder: string | undefined, clock: { now(): Date }): SecretReader {
  let known: ReadonlyMap<string, Known> = new Map()
  return {
    read: async (names, signal) => {
      const next = new Map<string, Known>()
      if (folder === undefined) return new Map()
      for (const name of names) {
        const path = join(folder, name)
        const version = versionOf(path, clock.now().getTime())
        const before = known.get(name)
        if (version === undefined) continue
        if (version !== '' && before?.version === version) next.set(name, before)
        else {
          const text = await readSecret(path, signal)
          if (text !== undefined) next.set(name, { version, secret: new Secret(text.replace(/\r?\n$/, '')) })
        }
      }
      known = next
      return new Map([...next].map(([name, { secret }]) => [name, secret]))
    },
  }
}

/** Undefined where there is none; empty where it is too young to tell. Following links, as a mount has them. */
function versionOf(path: string, now: number): string | undefined {
  try {
    const stats = statSync(path, { throwIfNoEntry: false })
    if (stats === undefined) return undefined
    if (Math.abs(now - stats.ctimeMs) < settled) return ''
    return `${stats.dev}/${stats.ino}/${stats.size}/${stats.mtimeMs}/${stats.ctimeMs}`
  } catch (error) {
    if (error instanceof Error && 'code' in error) return undefined
    throw error
  }
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
