import { mkdir, open, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { hasCode } from '../model/has-code.ts'

/**
 * Makes an empty file that only its owner may read, in a folder of the same kind, unless it is there.
 *
 * It never opens a file that exists: closing one would drop the POSIX locks that SQLite holds on it in this process
 * (https://sqlite.org/howtocorrupt.html, 2.2).
 */
export async function createPrivate(file: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  try {
    const handle = await open(file, 'wx', 0o600)
    await handle.close()
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error
  }
}

/** Puts the names of a folder on the disk: a file renamed before is there after a power cut too. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** The size in bytes; undefined where there is no such file. */
export async function sizeOf(file: string): Promise<number | undefined> {
  try {
    return (await stat(file)).size
  } catch (error) {
    if (hasCode(error, 'ENOENT') || hasCode(error, 'ENOTDIR')) return undefined
    throw error
  }
}
