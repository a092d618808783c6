import { createReadStream } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { logArchive } from '../../../launcher/wire.ts'
import { hasCode } from '../../model/has-code.ts'

/** What a launcher left in an instance's directory, line by line, oldest first. */
export async function* storedTexts(directory: string, signal: AbortSignal): AsyncGenerator<string> {
  for (const file of await logFiles(directory)) yield* textLines(file, signal)
}

/** None where the file is gone: it may have been set aside or removed meanwhile. */
async function* textLines(file: string, signal: AbortSignal): AsyncGenerator<string> {
  try {
    yield* createInterface({ input: createReadStream(file, { signal }), crlfDelay: Infinity })
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error
  }
}

/** Archives by day and number, then the file that was written to last. */
async function logFiles(directory: string): Promise<readonly string[]> {
  const names = await readdir(directory).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return []
    throw error
  })
  const archives = names
    .flatMap((name) => {
      const [, day = '', nth] = logArchive.exec(name) ?? []
      return nth === undefined ? [] : [{ name, day, nth: Number(nth) }]
    })
    .toSorted((a, b) => (a.day === b.day ? a.nth - b.nth : a.day < b.day ? -1 : 1))
  return [...archives.map(({ name }) => name), 'console.log'].map((name) => join(directory, name))
}
