import { followLink } from './resolve-links.ts'
import { largestFile, mostFiles } from './limits.ts'
import type { TreeEntry } from './git-objects.ts'
import { SourceError, type SkippedEntry, type SourceFile } from './source.ts'

/** What a snapshot lists. */
export interface Listing {
  readonly files: readonly SourceFile[]
  readonly skipped: readonly SkippedEntry[]
}

/** The error for a source that holds more than is read. */
export function tooManyFiles(): SourceError {
  return new SourceError('too-many-files', `the source holds more than ${mostFiles} files`, {
    remedy: 'name the folder that holds the manifests by source.path, or split the repository',
  })
}

/** Whether an entry is a symbolic link. */
export function isLink(entry: TreeEntry): boolean {
  return entry.mode === '120000'
}

/**
 * Sorts the entries of a tree into files and what is not read. Submodules are never looked into.
 * @param linkTargets what the links say, by blob id.
 */
export function listTree(entries: readonly TreeEntry[], linkTargets: ReadonlyMap<string, string>): Listing {
  const plain = entries.filter((entry) => entry.mode.startsWith('100'))
  const links = entries.filter(isLink)
  const tree = {
    files: new Map(plain.map((entry) => [entry.path, entry])),
    links: new Map(links.map((entry) => [entry.path, linkTargets.get(entry.id) ?? ''])),
  }
  const files: SourceFile[] = []
  const skipped: SkippedEntry[] = []
  const place = (path: string, { id, size }: { id: string; size: number }) => {
    if (size > largestFile) skipped.push({ path, reason: 'file-too-large' })
    else files.push({ path, id, size })
  }
  for (const entry of tree.files.values()) place(entry.path, entry)
  for (const { path } of links) {
    const target = followLink(path, tree)
    if (target.kind === 'file') place(path, target.file)
    else skipped.push({ path, reason: target.kind === 'outside' ? 'symlink-outside' : 'not-a-file' })
  }
  for (const { mode, path } of entries)
    if (!mode.startsWith('100') && mode !== '120000') skipped.push({ path, reason: 'not-a-file' })
  return { files: files.toSorted(byPath), skipped: skipped.toSorted(byPath) }
}

/** Orders by path, by code unit: the same everywhere. */
export function byPath(a: { readonly path: string }, b: { readonly path: string }): number {
  return a.path < b.path ? -1 : a.path > b.path ? 1 : 0
}
