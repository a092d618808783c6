import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import writeFileAtomic from 'write-file-atomic'
import type { Revision } from '../model/revision.ts'
import { withLock } from './cache-lock.ts'
import { hasCode } from '../model/has-code.ts'
import { catFile, GitFailure, runGit, type GitCommandOptions } from './git-command.ts'
import { gitConfiguration, gitEnvironment, type GitAccess } from './git-environment.ts'
import { askRemote } from './git-network.ts'
import type { GitLocation } from './git-url.ts'

/** Packs that are kept before they are made one. */
const mostPacks = 50

/** Git is ended when it has printed nothing for a minute. */
const silence = 60_000

/** What a cache is made of. */
export interface CacheOptions {
  /** A folder for this repository alone. */
  readonly directory: string
  readonly location: GitLocation
  readonly access: GitAccess
  /** The reconciler's own environment, of which Git sees next to nothing. */
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly clock: { now(): Date; sleep(ms: number, signal: AbortSignal): Promise<void> }
}

/**
 * A bare cache of one repository: the only place from which commits are read. Nothing is touched before its first
 * use. Several processes may use one folder.
 */
export class GitCache {
  readonly #directory: string
  readonly #repository: string
  readonly #configuration: { readonly file: string; readonly text: string }
  readonly #remote: string
  readonly #clock: CacheOptions['clock']
  /** Of a Git that works in the cache, and of one that works in no repository. */
  readonly #inside: Record<string, string>
  readonly #outside: Record<string, string>

  constructor({ directory, location, access, environment, clock }: CacheOptions) {
    const text = gitConfiguration(location, access)
    const file = join(directory, `git-${digest(text)}.config`)
    const place = { configuration: file, workingDirectory: directory }
    this.#directory = directory
    this.#repository = join(directory, 'repository')
    this.#configuration = { file, text }
    this.#remote = location.kind === 'local' ? location.directory : location.url
    this.#clock = clock
    this.#outside = gitEnvironment(environment, location, place)
    this.#inside = gitEnvironment(environment, location, { ...place, gitDirectory: this.#repository })
  }

  /** The references of the remote that match, as `git ls-remote --symref` prints them: one question to it. */
  async listRemote(patterns: readonly string[], signal: AbortSignal): Promise<string> {
    await this.#prepare()
    const args = ['ls-remote', '--symref', '--end-of-options', this.#remote, ...patterns]
    return await askRemote(args, { ...this.#options(signal), environment: this.#outside })
  }

  /** The commit that the cache holds for a reference of the remote. */
  async held(reference: string, signal: AbortSignal): Promise<Revision | undefined> {
    const format = '--format=%H%x00%an <%ae>%x00%cI%x00%s'
    try {
      const args = ['log', '-1', '--no-color', format, '--end-of-options', kept(reference), '--']
      const [id = '', author = '', at = '', subject = ''] = (await this.run(args, signal))
        .trimEnd()
        .split('\0')
      return { id, kind: 'commit', author, subject, at: new Date(at).toISOString() }
    } catch (error) {
      if (error instanceof GitFailure) return undefined
      throw error
    }
  }

  /** Brings the newest commit of a reference, and mends the cache when that is what is wrong. */
  async fetch(reference: string, signal: AbortSignal): Promise<void> {
    await this.#locked(async () => {
      try {
        await this.#bring(reference, signal)
      } catch (error) {
        if (!(error instanceof GitFailure) || (await this.#isSound(signal))) throw error
        await this.#discard()
        await this.#bring(reference, signal)
      }
    }, signal)
  }

  /** Throws the cache away and fetches anew. */
  async rebuild(reference: string, signal: AbortSignal): Promise<void> {
    await this.#locked(async () => {
      await this.#discard()
      await this.#bring(reference, signal)
    }, signal)
  }

  /** Runs a Git command that reads the cache. */
  async run(
    args: readonly string[],
    signal: AbortSignal,
    onOutput?: (chunk: Buffer) => void,
  ): Promise<string> {
    await this.#prepare()
    return await runGit(args, { ...this.#options(signal), ...(onOutput === undefined ? {} : { onOutput }) })
  }

  /** What `git cat-file --batch` prints for the objects. */
  async readObjects(ids: readonly string[], signal: AbortSignal): Promise<Buffer> {
    await this.#prepare()
    const input = ids.map((id) => `${id}\n`).join('')
    return await catFile(['--batch', '--buffer'], { ...this.#options(signal), input })
  }

  #options(signal: AbortSignal): GitCommandOptions {
    return { workingDirectory: this.#directory, environment: this.#inside, silence, signal }
  }

  /** Each time, because a cache is a thing that people delete. */
  async #prepare(): Promise<void> {
    const { file, text } = this.#configuration
    if ((await readFile(file, 'utf8').catch(ignoreMissing)) !== text)
      await writeConfiguration(this.#directory, file, text)
  }

  async #locked(work: () => Promise<void>, signal: AbortSignal): Promise<void> {
    await this.#prepare()
    await withLock(join(this.#directory, 'lock.db'), work, { clock: this.#clock, signal })
  }

  async #bring(reference: string, signal: AbortSignal): Promise<void> {
    await clearLeftovers(this.#repository)
    if (!existsSync(join(this.#repository, 'HEAD')))
      await this.run(['init', '--quiet', '--bare', this.#repository], signal)
    // The output of --progress is what tells a slow fetch from one that hangs.
    const options = ['--progress', '--no-tags', '--no-write-fetch-head', '--force', '--depth=1']
    const refspec = `+${reference}:${kept(reference)}`
    try {
      const args = ['fetch', ...options, '--end-of-options', this.#remote, refspec]
      await askRemote(args, this.#options(signal))
    } catch (error) {
      await clearLeftovers(this.#repository)
      throw error
    }
    if (await hasManyPacks(this.#repository)) await this.run(['gc', '--quiet', '--prune=1.hour.ago'], signal)
  }

  async #isSound(signal: AbortSignal): Promise<boolean> {
    try {
      await this.run(['fsck', '--connectivity-only', '--no-dangling', '--no-progress'], signal)
      return true
    } catch (error) {
      if (error instanceof GitFailure) return false
      throw error
    }
  }

  async #discard(): Promise<void> {
    const grave = `${this.#repository}.${process.pid}.old`
    await rename(this.#repository, grave).catch(ignoreMissing)
    await rm(grave, { recursive: true, force: true })
  }
}

/** Names may clash as file and folder over time (`a`, then `a/b`): their digests cannot. */
function kept(reference: string): string {
  return `refs/weir/${digest(reference)}`
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}

/** The folder of a repository's cache below the folder of all caches. */
export function cacheFolder(cacheDirectory: string, location: GitLocation): string {
  return join(cacheDirectory, digest(location.kind === 'local' ? location.directory : location.url))
}

async function writeConfiguration(directory: string, file: string, text: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  await writeFileAtomic(file, text, { mode: 0o600, fsync: false })
}

/**
 * Removes what a killed Git leaves: half packs, and locks that would stop the next one for good. Only the owner of the
 * lock file fetches, so that nobody living owns any of it.
 */
async function clearLeftovers(repository: string): Promise<void> {
  const isLeft = (name: string) => name.startsWith('tmp_') || name.endsWith('.lock') || name === 'gc.pid'
  for (const folder of ['', 'refs/weir', 'objects/pack', 'objects']) {
    const names = await readdir(join(repository, folder)).catch(() => [])
    for (const name of names.filter(isLeft))
      await rm(join(repository, folder, name), { recursive: true, force: true })
  }
}

async function hasManyPacks(repository: string): Promise<boolean> {
  const names = await readdir(join(repository, 'objects/pack'))
  return names.filter((name) => name.endsWith('.pack')).length > mostPacks
}

function ignoreMissing(error: unknown): undefined {
  if (!hasCode(error, 'ENOENT')) throw error
  return undefined
}
