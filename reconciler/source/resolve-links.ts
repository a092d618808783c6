import { mostLinkHops } from './limits.ts'

/** The entries of a tree by path: files, links with what they say, and folders. */
export interface Tree<File> {
  readonly files: ReadonlyMap<string, File>
  readonly links: ReadonlyMap<string, string>
}

/** Where a link leads. */
export type LinkTarget<File> = { kind: 'file'; file: File } | { kind: 'outside' } | { kind: 'no-file' }

/**
 * Follows the link at `path` inside the tree alone, as the kernel would, through chains and linked folders. Nothing is
 * asked of a disk, so that a link is judged the same in a commit and in a folder. A link to a folder, to nothing, or
 * in a loop leads to no file.
 */
export function followLink<File>(path: string, tree: Tree<File>): LinkTarget<File> {
  const reached: string[] = []
  const ahead = path.split('/')
  let hops = 0
  for (let part = ahead.shift(); part !== undefined; part = ahead.shift()) {
    if (part === '' || part === '.') continue
    if (part === '..') {
      if (reached.pop() === undefined) return { kind: 'outside' }
      continue
    }
    reached.push(part)
    const target = tree.links.get(reached.join('/'))
    if (target === undefined) continue
    if (target.startsWith('/')) return { kind: 'outside' }
    hops += 1
    if (hops > mostLinkHops) return { kind: 'no-file' }
    reached.pop()
    ahead.unshift(...target.split('/'))
  }
  const file = tree.files.get(reached.join('/'))
  return file === undefined ? { kind: 'no-file' } : { kind: 'file', file }
}
