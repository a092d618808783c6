import { watch } from 'chokidar'
import { basename } from 'node:path'
import { isIgnoredName } from './directory-walk.ts'
import type { SourceLog } from './source.ts'

/** An editor and a checkout write many files: what comes within this many milliseconds of each other is one change. */
const debounce = 100

/** A file that is written all the time must not put a change off for longer than this, in milliseconds. */
const longestWait = 1000

/** Calls `onChange` when something below the folder has changed and come to rest, until the signal is aborted. */
export async function watchDirectory(
  { directory, log }: { readonly directory: string; readonly log: SourceLog | undefined },
  onChange: () => void,
  signal: AbortSignal,
): Promise<void> {
  if (signal.aborted) return
  let timer: NodeJS.Timeout | undefined
  let limit: NodeJS.Timeout | undefined
  const rest = () => {
    clearTimeout(timer)
    clearTimeout(limit)
    limit = undefined
  }
  const fire = () => {
    rest()
    onChange()
  }
  const stir = () => {
    clearTimeout(timer)
    timer = setTimeout(fire, debounce)
    limit ??= setTimeout(fire, longestWait)
  }
  const watcher = watch(directory, {
    ignoreInitial: true,
    followSymlinks: false,
    ignored: (path) => path !== directory && isIgnoredName(basename(path)),
  })
  // 'raw' too: of two replacements of one file within a second, 'all' tells only the first.
  watcher.on('all', stir)
  watcher.on('raw', stir)
  // What changed before the watch stood was not seen.
  watcher.on('ready', stir)
  watcher.on('error', (error) => log?.warn({ err: error }, 'the folder cannot be watched'))
  await new Promise<void>((done) => {
    signal.addEventListener('abort', () => done(), { once: true })
  })
  rest()
  await watcher.close()
}
