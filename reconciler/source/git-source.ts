import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { cacheFolder, GitCache } from './git-cache.ts'
import { GitFailure } from './git-command.ts'
import type { GitAccess } from './git-environment.ts'
import { unreachable } from './git-failure.ts'
import { checkBranch, checkSourcePath } from './git-names.ts'
import { RevisionReader } from './git-revision.ts'
import { parseTip } from './git-tip.ts'
import { parseGitUrl, type GitLocation, type GitScheme } from './git-url.ts'
import { watchGit } from './git-watch.ts'
import { scrub } from './scrub.ts'
import { SourceError, type Snapshot, type Source, type SourceLog } from './source.ts'

/** A Git repository as a source. */
export interface GitSourceOptions extends GitAccess {
  /** As `parseGitUrl` reads it; a local path is relative to the working folder of the process. */
  readonly url: string
  /** Default: the branch that HEAD of the repository names. */
  readonly branch?: string | undefined
  /** The folder inside the repository. Default: all of it. */
  readonly path?: string | undefined
  /** Where caches are kept, each in a folder of its own. */
  readonly cacheDirectory: string
  /** How often to look again, in milliseconds; spread by up to 10 %. */
  readonly interval: number
  readonly allow: readonly GitScheme[]
  /** The reconciler's own environment; Git gets PATH, proxies and the ssh agent of it, and nothing else. */
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly clock: { now(): Date; sleep(ms: number, signal: AbortSignal): Promise<void> }
  /** A number from 0 up to 1. */
  readonly random: () => number
  readonly log?: SourceLog | undefined
}

/**
 * A source that reads commits of one branch, from a bare cache and never from a checkout.
 * @throws SourceError `source-refused` when the URL, the branch or the path could do more than name something.
 */
export function createGitSource(options: GitSourceOptions): Source {
  const location = locate(options)
  const branch = options.branch === undefined ? undefined : checkBranch(options.branch)
  const description = location.kind === 'local' ? location.directory : location.url
  const cache = new GitCache({
    directory: cacheFolder(resolve(options.cacheDirectory), location),
    location,
    access: options,
    environment: options.environment,
    clock: options.clock,
  })
  const path = checkSourcePath(options.path ?? '')
  const explain = (error: unknown) =>
    forPeople(error, description, () => secretsOf(location, options.credentials))
  const reader = new RevisionReader({ cache, description, path, log: options.log, explain })
  const disposal = new AbortController()
  let last: Snapshot | undefined
  let failures = 0

  async function newest(signal: AbortSignal): Promise<Snapshot> {
    const tip = parseTip(await cache.listRemote(tipPatterns(branch), signal), { branch, description })
    if (last?.revision.id !== tip.id) {
      const next = await reader.snapshot(tip, last === undefined, signal)
      // Another call, or a branch that moved meanwhile, may have brought the same commit.
      if (last?.revision.id !== next.revision.id) last = next
    }
    failures = 0
    return last
  }

  return {
    description,
    snapshot: async (signal) => {
      const either = AbortSignal.any([signal, disposal.signal])
      try {
        return await newest(either)
      } catch (error) {
        const explained = await explain(error)
        if (explained instanceof SourceError) failures += 1
        throw explained
      }
    },
    watch: async (onChange, signal) => {
      const either = AbortSignal.any([signal, disposal.signal])
      await watchGit({ ...options, location, failures: () => failures }, onChange, either)
    },
    [Symbol.asyncDispose]: async () => {
      disposal.abort(new Error('the source was closed'))
      await Promise.resolve()
    },
  }
}

function locate(options: GitSourceOptions): GitLocation {
  const location = parseGitUrl(options.url, options.allow)
  return location.kind === 'local' ? { kind: 'local', directory: resolve(location.directory) } : location
}

function tipPatterns(branch: string | undefined): readonly string[] {
  return branch === undefined ? ['HEAD'] : ['HEAD', `refs/heads/${branch}`]
}

async function forPeople(
  error: unknown,
  description: string,
  secrets: () => Promise<readonly string[]>,
): Promise<unknown> {
  return error instanceof GitFailure ? unreachable(description, scrub(error.message, await secrets())) : error
}

/** Everything that must not show, should a server choose to repeat it. */
async function secretsOf(location: GitLocation, credentials: string | undefined): Promise<readonly string[]> {
  const secrets: string[] = []
  if (credentials !== undefined) {
    const [line = ''] = (await readFile(credentials, 'utf8').catch(() => '')).split('\n')
    secrets.push(line, line.slice(line.indexOf(':') + 1), `x-access-token:${line}`)
  }
  if (location.kind === 'remote' && location.userinfo?.password !== undefined) {
    const password = location.userinfo.password.reveal()
    secrets.push(password, `${location.userinfo.username || 'x-access-token'}:${password}`)
  }
  return secrets
}
