import { GitFailure } from './git-command.ts'

const newline = 0x0a

/**
 * Reads what `git cat-file --batch` prints: for each object asked for a line `<id> <type> <size>`, the bytes, a newline.
 * @see https://git-scm.com/docs/git-cat-file#_batch_output
 * @throws GitFailure when an object is missing or the output ends early.
 */
export function parseBatch(output: Buffer): Map<string, Buffer> {
  const objects = new Map<string, Buffer>()
  let position = 0
  while (position < output.length) {
    const end = output.indexOf(newline, position)
    if (end < 0) throw new GitFailure('git cat-file ended in the middle of a line')
    const header = output.toString('latin1', position, end)
    const match = /^([0-9a-f]+) [a-z]+ ([0-9]+)$/.exec(header)
    if (match === null) throw new GitFailure(`an object cannot be read: ${header.slice(0, 100)}`)
    const start = end + 1
    const size = Number(match[2])
    if (start + size >= output.length) throw new GitFailure('git cat-file ended in the middle of an object')
    objects.set(match[1] ?? '', output.subarray(start, start + size))
    position = start + size + 1
  }
  return objects
}

/** One line of `git ls-tree -r -z -l`. */
export interface TreeEntry {
  /** File mode in octal: 100644, 100755, 120000 (link) or 160000 (submodule). */
  readonly mode: string
  readonly id: string
  /** In bytes; 0 for a submodule. */
  readonly size: number
  readonly path: string
}

/**
 * Reads what `git ls-tree -r -z -l` prints.
 * @see https://git-scm.com/docs/git-ls-tree#_output_format
 */
export function parseTree(output: string): TreeEntry[] {
  const entries: TreeEntry[] = []
  let position = 0
  for (let end = output.indexOf('\0'); end >= 0; end = output.indexOf('\0', position)) {
    // `<mode> <type> <id> <size, padded>\t<path>`; cut by position, since a large fleet has very many of them.
    const tab = output.indexOf('\t', position)
    const mode = output.slice(position, position + 6)
    const idStart = output.indexOf(' ', position + 7) + 1
    const idEnd = output.indexOf(' ', idStart)
    const size = output.slice(idEnd + 1, tab).trimStart()
    entries.push({
      mode,
      id: output.slice(idStart, idEnd),
      size: size === '-' ? 0 : Number(size),
      path: output.slice(tab + 1, end),
    })
    position = end + 1
  }
  return entries
}
