import type { Revision } from '../model/revision.ts'
import type { GitCache } from './git-cache.ts'
import { GitFailure } from './git-command.ts'
import { parseBatch, parseTree, type TreeEntry } from './git-objects.ts'
import type { Tip } from './git-tip.ts'
import { isLink, listTree, tooManyFiles, type Listing } from './git-tree.ts'
import { mostFiles } from './limits.ts'
import { checkReadSize } from './read-size.ts'
import { SourceError, type Snapshot, type SourceFile, type SourceLog } from './source.ts'

/** What a reader of revisions needs. */
export interface ReaderOptions {
  readonly cache: GitCache
  readonly description: string
  readonly path: string
  readonly log: SourceLog | undefined
  /** Turns whatever was thrown into what people may see. */
  readonly explain: (error: unknown) => Promise<unknown>
}

/** Reads one revision at a time from the cache. */
export class RevisionReader {
  readonly #cache: GitCache
  readonly #description: string
  readonly #path: string
  readonly #log: SourceLog | undefined
  readonly #explain: ReaderOptions['explain']

  constructor({ cache, description, path, log, explain }: ReaderOptions) {
    this.#explain = explain
    this.#cache = cache
    this.#description = description
    this.#path = path
    this.#log = log
  }

  /**
   * Reads the commit that the remote has named, or the one after it when the branch has moved on meanwhile.
   * @param isFirst whether the cache may hold the commit from an earlier process.
   * @throws GitFailure or SourceError.
   */
  async snapshot(tip: Tip, isFirst: boolean, signal: AbortSignal): Promise<Snapshot> {
    let revision = isFirst ? await this.#cache.held(tip.reference, signal) : undefined
    if (revision?.id !== tip.id) {
      await this.#cache.fetch(tip.reference, signal)
      revision = await this.#cache.held(tip.reference, signal)
    }
    try {
      return await this.#list(revision, tip, signal)
    } catch (error) {
      if (!(error instanceof GitFailure)) throw error
      this.#log?.warn({ revision: tip.id }, 'the Git cache is damaged and is built anew')
      await this.#cache.rebuild(tip.reference, signal)
      return await this.#list(await this.#cache.held(tip.reference, signal), tip, signal)
    }
  }

  async #list(revision: Revision | undefined, tip: Tip, signal: AbortSignal): Promise<Snapshot> {
    if (revision === undefined) throw new GitFailure('the cache does not hold what was fetched')
    return {
      revision,
      ...(await this.#tree(revision.id, signal)),
      read: async (files, readSignal) => {
        try {
          return await this.#read(files, tip, readSignal)
        } catch (error) {
          throw await this.#explain(error)
        }
      },
    }
  }

  async #tree(id: string, signal: AbortSignal): Promise<Listing> {
    const root = this.#path === '' ? id : await this.#folder(id, signal)
    const entries = await this.#entries(root, signal)
    // No system follows a longer link, and this keeps a huge "link" from being read.
    const links = entries.filter((entry) => isLink(entry) && entry.size <= 4096).map((entry) => entry.id)
    const said = await this.#objects([...new Set(links)], signal)
    return listTree(entries, new Map([...said].map(([blob, content]) => [blob, content.toString()])))
  }

  /** @throws SourceError `path-not-found`. */
  async #folder(id: string, signal: AbortSignal): Promise<string> {
    const output = await this.#cache.run(['ls-tree', '-z', '-l', '--full-tree', id, '--', this.#path], signal)
    const folder = parseTree(output).find((entry) => entry.path === this.#path && entry.mode === '040000')
    if (folder !== undefined) return folder.id
    const message = `${this.#description} has no folder ${this.#path} at ${id.slice(0, 12)}`
    throw new SourceError('path-not-found', message, { remedy: 'check source.path; case matters' })
  }

  async #entries(tree: string, signal: AbortSignal): Promise<TreeEntry[]> {
    const excess = new AbortController()
    let count = 0
    const countEntries = (chunk: Buffer) => {
      for (let at = chunk.indexOf(0); at >= 0; at = chunk.indexOf(0, at + 1)) count += 1
      if (count > mostFiles) excess.abort(tooManyFiles())
    }
    const args = ['ls-tree', '-r', '-z', '-l', '--full-tree', tree]
    return parseTree(await this.#cache.run(args, AbortSignal.any([signal, excess.signal]), countEntries))
  }

  async #objects(ids: readonly string[], signal: AbortSignal): Promise<Map<string, Buffer>> {
    return ids.length === 0 ? new Map() : parseBatch(await this.#cache.readObjects(ids, signal))
  }

  async #read(files: readonly SourceFile[], tip: Tip, signal: AbortSignal): Promise<Map<string, Buffer>> {
    const ids = checkReadSize(files)
    try {
      return await this.#objects(ids, signal)
    } catch (error) {
      if (!(error instanceof GitFailure)) throw error
      this.#log?.warn({}, 'the Git cache is damaged and is built anew')
      await this.#cache.rebuild(tip.reference, signal)
      return await this.#objects(ids, signal)
    }
  }
}
