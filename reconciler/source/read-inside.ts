import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readFileSync,
  realpathSync,
  type BigIntStats,
} from 'node:fs'

/** A file that is written while it is read is read again this many times. */
const mostTries = 5

/** What was read, and the file as it was then. */
export interface FileContent {
  readonly content: Buffer
  readonly stats: BigIntStats
}

/** Whether two looks at a file saw the same file in the same state. */
export function isSameState(a: BigIntStats, b: BigIntStats): boolean {
  return (
    a.ino === b.ino &&
    a.dev === b.dev &&
    a.size === b.size &&
    a.mtimeNs === b.mtimeNs &&
    a.ctimeNs === b.ctimeNs
  )
}

/**
 * Reads a regular file through one descriptor, which is checked after it is open: a folder on the way that is swapped
 * for a link meanwhile leads to an error and never to another file. A file that changes meanwhile is read again.
 * Synchronous, because a fleet is very many small files, and the promises of `node:fs` cost ten times what these calls do.
 * @param path absolute, without any link in it.
 * @throws Error when it is not such a file, or does not come to rest.
 */
export function readInside(path: string, largest: number): FileContent {
  for (let tries = 0; tries < mostTries; tries += 1) {
    const descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    try {
      const found = readChecked(descriptor, path, largest)
      if (found !== undefined) return found
    } finally {
      closeSync(descriptor)
    }
  }
  throw new Error('it is being written all the time')
}

function readChecked(descriptor: number, path: string, largest: number): FileContent | undefined {
  const before = fstatSync(descriptor, { bigint: true })
  if (!before.isFile()) throw new Error('it is not a regular file')
  if (before.size > largest) throw new Error('it has grown too large')
  const named = lstatSync(path, { bigint: true })
  if (named.ino !== before.ino || named.dev !== before.dev || realpathSync.native(path) !== path)
    throw new Error('a link has taken the place of a folder above it')
  const content = readFileSync(descriptor)
  const after = fstatSync(descriptor, { bigint: true })
  return isSameState(before, after) && BigInt(content.length) === after.size
    ? { content, stats: after }
    : undefined
}
