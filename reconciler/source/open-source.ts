import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { createDirectorySource } from './directory-source.ts'
import { isRepository } from './git-directories.ts'
import { createGitSource, type GitSourceOptions } from './git-source.ts'
import { SourceError, type Source } from './source.ts'

/** What `createGitSource` takes, and what paths are relative to. */
export interface OpenSourceOptions extends GitSourceOptions {
  /** The folder that a relative `url` is relative to. Default: the working folder of the process. */
  readonly base?: string | undefined
}

/**
 * Opens what a text names: a folder that is itself a Git repository as Git, with the branch of its HEAD unless another
 * is named; any other folder as it stands; and everything else as the URL of a repository. A folder may be named
 * without `./` when it exists.
 * @throws SourceError `source-refused`, or `source-unreachable` when a path of this machine leads to no folder.
 */
export async function openSource(options: OpenSourceOptions): Promise<Source> {
  const directory = await findDirectory(options)
  if (directory === undefined) return createGitSource(options)
  if (await isRepository(directory)) return createGitSource({ ...options, url: directory })
  if (options.branch !== undefined)
    throw new SourceError('source-refused', `${directory} is not a Git repository and has no branch`, {
      remedy: 'leave the branch out, or run git init and commit there',
    })
  return createDirectorySource({ ...options, directory })
}

async function findDirectory({ url, base }: OpenSourceOptions): Promise<string | undefined> {
  const looksRemote = url.includes('://') || url.includes('::') || url.startsWith('-') || url === ''
  if (looksRemote || /\p{Cc}/u.test(url)) return undefined
  const directory = resolve(base ?? '.', url)
  const found = await stat(directory).catch(() => undefined)
  if (found?.isDirectory() === true) return directory
  if (!/^[./]/.test(url)) return undefined
  throw new SourceError('source-unreachable', `there is no folder ${directory}`, {
    remedy: 'check source.url; a relative path is relative to the file or the folder that names it',
  })
}
