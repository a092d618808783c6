import { lstat, readdir, readlink } from 'node:fs/promises'
import type { BigIntStats, Dirent } from 'node:fs'
import { join } from 'node:path'
import { hasCode } from '../model/has-code.ts'
import { tooManyFiles } from './git-tree.ts'
import { mostFiles } from './limits.ts'

/** Folders that belong to a tool and not to the fleet. */
const ignored = new Set(['.git', 'node_modules'])

/** Everything below a folder; paths are relative to it, with `/`. */
export interface WalkedTree {
  readonly files: Map<string, BigIntStats>
  /** What each symbolic link says. */
  readonly links: Map<string, string>
  /** Sockets, pipes and devices. */
  readonly others: string[]
}

/** Whether nothing below an entry of this name is read. */
export function isIgnoredName(name: string): boolean {
  return ignored.has(name)
}

/**
 * Lists a folder without following a link. What vanishes meanwhile is left out.
 * @throws SourceError `too-many-files`.
 */
export async function walk(root: string, signal: AbortSignal): Promise<WalkedTree> {
  const tree: WalkedTree = { files: new Map(), links: new Map(), others: [] }
  const folders = ['']
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    signal.throwIfAborted()
    const prefix = folder === '' ? '' : `${folder}/`
    const entries = await readdir(join(root, folder), { withFileTypes: true }).catch(whenGone(folder))
    const kept = entries.filter((entry) => !ignored.has(entry.name))
    for (const entry of kept) if (entry.isDirectory()) folders.push(prefix + entry.name)
    await Promise.all(kept.map((entry) => place(tree, root, prefix + entry.name, entry)))
    if (tree.files.size + tree.links.size > mostFiles) throw tooManyFiles()
  }
  return tree
}

async function place(tree: WalkedTree, root: string, path: string, entry: Dirent): Promise<void> {
  if (entry.isDirectory()) return
  try {
    if (entry.isSymbolicLink()) tree.links.set(path, await readlink(join(root, path)))
    else if (entry.isFile()) tree.files.set(path, await lstat(join(root, path), { bigint: true }))
    else tree.others.push(path)
  } catch (error) {
    // Gone, or turned into something else, since the folder was listed: the watch says so in a moment.
    if (!hasCode(error, 'ENOENT') && !hasCode(error, 'EINVAL')) throw error
  }
}

/** A folder below the root may vanish while the tree is walked; the root may not. */
function whenGone(folder: string): (error: unknown) => Dirent[] {
  return (error) => {
    if (folder === '' || !(hasCode(error, 'ENOENT') || hasCode(error, 'ENOTDIR'))) throw error
    return []
  }
}
