import { join } from 'node:path'
import { findGitDirectories } from './git-directories.ts'
import { pollDelay } from './poll-delay.ts'
import type { GitLocation } from './git-url.ts'
import { watchFolder, watchFolders } from './watch-folders.ts'

/** Several files change with one commit: what comes within this many milliseconds is one change. */
const coalesce = 50

interface WatchOptions {
  readonly location: GitLocation
  readonly interval: number
  readonly clock: { sleep(ms: number, signal: AbortSignal): Promise<void> }
  readonly random: () => number
  /** How many times in a row the source could not be read. */
  readonly failures: () => number
}

/** Says when to look again: every interval, later while the source cannot be read, and at once when a local repository changes. */
export async function watchGit(
  options: WatchOptions,
  onChange: () => void,
  signal: AbortSignal,
): Promise<void> {
  const stopLocal =
    options.location.kind === 'local'
      ? await watchReferences(options.location.directory, onChange)
      : async () => {}
  try {
    while (!signal.aborted) {
      await options.clock.sleep(pollDelay(options.interval, options.failures(), options.random), signal)
      onChange()
    }
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    await stopLocal()
  }
}

/**
 * Watches what a commit, a checkout, a fetch or a `git gc` changes: HEAD, packed-refs and the references, wherever they
 * are kept. The folders are watched, not the files in them: Git replaces a file by renaming another over it, and of two
 * such changes in one second chokidar, which this project watches folders of manifests with, tells only the first.
 */
async function watchReferences(directory: string, onChange: () => void): Promise<() => Promise<void>> {
  const { gitDirectory, commonDirectory } = await findGitDirectories(directory)
  const notify = leadingAndTrailing(onChange)
  const seen = (name: string | null) => {
    if (name?.endsWith('.lock') !== true) notify.call()
  }
  const folders = [gitDirectory, commonDirectory, join(commonDirectory, 'reftable')]
  const watchers = folders.map((folder) => watchFolder(folder, seen))
  const stopReferences = watchFolders(join(commonDirectory, 'refs'), seen)
  // What changed before the watch stood was not seen.
  notify.call()
  return async () => {
    notify.cancel()
    stopReferences()
    for (const watcher of watchers) watcher?.close()
    await Promise.resolve()
  }
}

/** Calls at once, and once more when further calls came within the time after it. */
function leadingAndTrailing(onChange: () => void): { call: () => void; cancel: () => void } {
  let timer: NodeJS.Timeout | undefined
  let again = false
  const settle = () => {
    timer = undefined
    if (again) call()
  }
  const call = () => {
    again = timer !== undefined
    if (again) return
    timer = setTimeout(settle, coalesce)
    onChange()
  }
  return {
    call,
    cancel: () => {
      clearTimeout(timer)
    },
  }
}
