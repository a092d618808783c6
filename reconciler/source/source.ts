import type { Revision } from '../model/revision.ts'

/** A file of a revision. Equal ids mean equal content, across revisions too. */
export interface SourceFile {
  /** Relative to the source path, with `/`. */
  readonly path: string
  /** The Git blob id; for a directory the SHA-256 of the content. */
  readonly id: string
  /** In bytes. */
  readonly size: number
}

/** Something in the tree that is not read as a file, and why. */
export interface SkippedEntry {
  readonly path: string
  readonly reason: 'symlink-outside' | 'not-a-file' | 'file-too-large'
}

/** A revision and its files: everything below the source path, not only manifests. Immutable. */
export interface Snapshot {
  readonly revision: Revision
  /** Sorted by path. Symbolic links that stay inside appear under their own path with the content of their target. */
  readonly files: readonly SourceFile[]
  readonly skipped: readonly SkippedEntry[]
  /**
   * The bytes of files by id, in one engine call however many are asked for.
   * @throws SourceError when the source cannot be read.
   */
  read(files: readonly SourceFile[], signal: AbortSignal): Promise<ReadonlyMap<string, Buffer>>
}

/** Where manifests come from. */
export interface Source extends AsyncDisposable {
  /** For people and logs; never holds a credential. */
  readonly description: string
  /**
   * The newest revision. Asks a Git remote once; the same revision comes back as the same object.
   * @throws SourceError when the source cannot be read; what was read before stays in force.
   */
  snapshot(signal: AbortSignal): Promise<Snapshot>
  /** Calls `onChange` when there may be something new, until `signal` is aborted; a false alarm is allowed. */
  watch(onChange: () => void, signal: AbortSignal): Promise<void>
}

/** The part of a logger that a source uses. */
export interface SourceLog {
  debug(fields: object, message: string): void
  warn(fields: object, message: string): void
}

/** The source could not be read: an outage, or a mistake in how it is named. The message holds no credential. */
export class SourceError extends Error {
  readonly code:
    'source-unreachable' | 'source-refused' | 'branch-not-found' | 'path-not-found' | 'too-many-files'
  /** What to do about it. */
  readonly remedy: string | undefined

  constructor(
    code: SourceError['code'],
    message: string,
    options: { remedy?: string; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause })
    this.name = 'SourceError'
    this.code = code
    this.remedy = options.remedy
  }
}
