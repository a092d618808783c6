import type { BigIntStats } from 'node:fs'
import { lstat, realpath, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { sha256 } from '../model/digest.ts'
import { walk, type WalkedTree } from './directory-walk.ts'
import { watchDirectory } from './directory-watch.ts'
import { checkSourcePath } from './git-names.ts'
import { byPath } from './git-tree.ts'
import { largestFile } from './limits.ts'
import { isSameState, readInside, type FileContent } from './read-inside.ts'
import { checkReadSize } from './read-size.ts'
import { followLink } from './resolve-links.ts'
import {
  SourceError,
  type SkippedEntry,
  type Snapshot,
  type Source,
  type SourceFile,
  type SourceLog,
} from './source.ts'

/** A file system's clock is coarse: a file hashed so soon (ms) after its change may change again unseen. */
const settled = 100

/** Files that are read before others get a turn. */
const breath = 50

/** Bytes of new files that a snapshot keeps, so that they are not read twice. */
const mostKept = 32 * 1024 * 1024

/** A plain folder as a source. */
export interface DirectorySourceOptions {
  /** Relative to the working folder of the process. */
  readonly directory: string
  /** The folder inside it. Default: all of it. */
  readonly path?: string | undefined
  readonly clock: { now(): Date }
  readonly log?: SourceLog | undefined
}

/**
 * A source that reads a folder as it stands, without `.git` and `node_modules`, and never through a link that leaves it.
 * @throws SourceError `source-refused` when the path could lead outside.
 */
export function createDirectorySource(options: DirectorySourceOptions): Source {
  const directory = resolve(options.directory)
  const path = checkSourcePath(options.path ?? '')
  const disposal = new AbortController()
  const reader = new DirectoryReader(directory, options.clock)
  let last: Snapshot | undefined

  return {
    description: directory,
    snapshot: async (signal) => {
      const either = AbortSignal.any([signal, disposal.signal])
      try {
        const next = await reader.snapshot(await findRoot(directory, path), either)
        if (last?.revision.id !== next.revision.id || hasOtherSkipped(last, next)) last = next
        return last
      } catch (error) {
        either.throwIfAborted()
        throw forPeople(error, directory)
      }
    },
    watch: async (onChange, signal) => {
      const either = AbortSignal.any([signal, disposal.signal])
      await watchDirectory({ directory, log: options.log }, onChange, either)
    },
    [Symbol.asyncDispose]: async () => {
      disposal.abort(new Error('the source was closed'))
      await Promise.resolve()
    },
  }
}

function hasOtherSkipped(a: Snapshot, b: Snapshot): boolean {
  return JSON.stringify(a.skipped) !== JSON.stringify(b.skipped)
}

function forPeople(error: unknown, directory: string): SourceError {
  if (error instanceof SourceError) return error
  const words = error instanceof Error ? error.message : String(error)
  return new SourceError('source-unreachable', `cannot read ${directory}: ${words}`, { cause: error })
}

/**
 * The folder to read, with no link in its path.
 * @throws SourceError when it is not there; as in a commit, a linked folder is none.
 */
async function findRoot(directory: string, path: string): Promise<string> {
  const base = await realpath(directory)
  if (!(await stat(base)).isDirectory())
    throw new SourceError('source-unreachable', `${directory} is not a folder`)
  const root = join(base, path)
  const found = await realpath(root).catch(() => undefined)
  if (found === root && (await lstat(root)).isDirectory()) return root
  throw new SourceError('path-not-found', `${directory} has no folder ${path}`, {
    remedy: 'check source.path; case matters',
  })
}

interface KnownFile {
  readonly stats: BigIntStats
  readonly id: string
  readonly hashedAt: number
}

/** Reads a folder time after time, and hashes only what changed. */
class DirectoryReader {
  readonly #directory: string
  readonly #clock: DirectorySourceOptions['clock']
  #known = new Map<string, KnownFile>()

  constructor(directory: string, clock: DirectorySourceOptions['clock']) {
    this.#directory = directory
    this.#clock = clock
  }

  async snapshot(root: string, signal: AbortSignal): Promise<Snapshot> {
    const tree = await walk(root, signal)
    const kept = new Map<string, Buffer>()
    const known = new Map<string, KnownFile>()
    let bytes = 0
    for (const [path, stats] of tree.files) {
      signal.throwIfAborted()
      const before = this.#known.get(path)
      if (before !== undefined && isCurrent(before, stats)) known.set(path, before)
      else if (stats.size <= largestFile) {
        if (known.size % breath === 0) await setImmediate()
        const found = readNamed(root, path)
        const file = {
          stats: found.stats,
          id: sha256(found.content),
          hashedAt: this.#clock.now().getTime(),
        }
        known.set(path, file)
        bytes += found.content.length
        if (bytes <= mostKept) kept.set(file.id, found.content)
      }
    }
    this.#known = known
    return this.#list(root, tree, kept)
  }

  #list(root: string, tree: WalkedTree, kept: ReadonlyMap<string, Buffer>): Snapshot {
    const { files, skipped, places } = listFolder(tree, this.#known)
    const id = sha256(files.map((file) => `${file.path}\0${file.id}\n`).join(''))
    return {
      revision: { id, kind: 'directory' },
      files,
      skipped,
      read: async (wanted, signal) => {
        const contents = new Map<string, Buffer>()
        for (const wantedId of checkReadSize(wanted)) {
          signal.throwIfAborted()
          const content =
            kept.get(wantedId) ?? this.#readAgain(join(root, places.get(wantedId) ?? ''), wantedId)
          contents.set(wantedId, content)
        }
        return contents
      },
    }
  }

  /** @throws SourceError when the file is no longer what the snapshot lists. */
  #readAgain(path: string, id: string): Buffer {
    try {
      const { content } = readInside(path, largestFile)
      if (sha256(content) === id) return content
    } catch {
      // Gone or replaced: no longer what was listed either way.
    }
    const message = `${this.#directory} changed while it was read: ${path}`
    throw new SourceError('source-unreachable', message, { remedy: 'it is read again in a moment' })
  }
}

function isCurrent(file: KnownFile, stats: BigIntStats): boolean {
  return isSameState(file.stats, stats) && file.hashedAt - Number(stats.mtimeNs / 1_000_000n) > settled
}

/** @throws Error that names the file. */
function readNamed(root: string, path: string): FileContent {
  try {
    return readInside(join(root, path), largestFile)
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error)
    throw new Error(`${path}: ${words}`, { cause: error })
  }
}

interface FolderListing {
  readonly files: readonly SourceFile[]
  readonly skipped: readonly SkippedEntry[]
  /** Where the content of an id lies. */
  readonly places: ReadonlyMap<string, string>
}

function listFolder(tree: WalkedTree, known: ReadonlyMap<string, KnownFile>): FolderListing {
  const files: SourceFile[] = []
  const skipped: SkippedEntry[] = tree.others.map((path) => ({ path, reason: 'not-a-file' }))
  const places = new Map<string, string>()
  const place = (path: string, target: string) => {
    const file = known.get(target)
    if (file === undefined) skipped.push({ path, reason: 'file-too-large' })
    else {
      files.push({ path, id: file.id, size: Number(file.stats.size) })
      places.set(file.id, target)
    }
  }
  for (const path of tree.files.keys()) place(path, path)
  const linked = { files: new Map([...tree.files.keys()].map((path) => [path, path])), links: tree.links }
  for (const path of tree.links.keys()) {
    const target = followLink(path, linked)
    if (target.kind === 'file') place(path, target.file)
    else skipped.push({ path, reason: target.kind === 'outside' ? 'symlink-outside' : 'not-a-file' })
  }
  return { files: files.toSorted(byPath), skipped: skipped.toSorted(byPath), places }
}
