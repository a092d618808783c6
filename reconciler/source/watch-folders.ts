import { readdirSync, statSync, watch, type FSWatcher } from 'node:fs'
import { join } from 'node:path'

/** Called with the name of what changed, without its folder; null where the system does not tell it. */
type Seen = (name: string | null) => void

/** A folder that is not there, or a watch that fails (no inotify left), costs time and nothing else: the interval still looks. */
export function watchFolder(folder: string, seen: Seen): FSWatcher | undefined {
  try {
    const watcher = watch(folder, { persistent: false }, (_event, name) => seen(name))
    watcher.on('error', () => {})
    return watcher
  } catch {
    return undefined
  }
}

interface Watched {
  readonly inode: number
  readonly watcher: FSWatcher
}

/**
 * Watches a folder and all below it, each by a watch of its own. `recursive` of Node.js 24 watches the files themselves on
 * Linux: of a file that is replaced by renaming another over it, as Git replaces references, it tells the first time only.
 */
export function watchFolders(root: string, seen: Seen): () => void {
  const watched = new Map<string, Watched>()
  const forget = (folder: string): void => {
    watched.get(folder)?.watcher.close()
    watched.delete(folder)
  }
  const changed: Seen = (name) => {
    for (const folder of watched.keys()) if (inodeOf(folder) === undefined) forget(folder)
    look(root)
    seen(name)
  }
  // First the watch, then the look inside: what is made after the one is seen by the other.
  const look = (folder: string): void => {
    const inode = inodeOf(folder)
    if (inode === undefined) return
    if (watched.get(folder)?.inode !== inode) {
      forget(folder)
      const watcher = watchFolder(folder, changed)
      if (watcher !== undefined) watched.set(folder, { inode, watcher })
    }
    for (const inner of foldersIn(folder)) look(join(folder, inner))
  }
  look(root)
  return () => {
    for (const folder of watched.keys()) forget(folder)
  }
}

/** Undefined where there is no such folder. */
function inodeOf(folder: string): number | undefined {
  const found = statSync(folder, { throwIfNoEntry: false })
  return found?.isDirectory() === true ? found.ino : undefined
}

function foldersIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).flatMap((one) => (one.isDirectory() ? one.name : []))
  } catch {
    return []
  }
}
