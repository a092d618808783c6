import { readFile, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'

/**
 * The folder with HEAD and the one with the references, which differ in a linked work tree.
 * @see https://git-scm.com/docs/gitrepository-layout
 */
export async function findGitDirectories(
  directory: string,
): Promise<{ gitDirectory: string; commonDirectory: string }> {
  const gitDirectory = await findGitDirectory(directory)
  const common = await readFile(join(gitDirectory, 'commondir'), 'utf8').catch(() => '.')
  return { gitDirectory, commonDirectory: resolve(gitDirectory, common.trim()) }
}

async function findGitDirectory(directory: string): Promise<string> {
  const inside = join(directory, '.git')
  const found = await stat(inside).catch(() => undefined)
  if (found === undefined) return directory
  if (found.isDirectory()) return inside
  const text = await readFile(inside, 'utf8').catch(() => '')
  const [, target] = /^gitdir: (.+)$/m.exec(text) ?? []
  return target === undefined ? directory : resolve(directory, target.trim())
}

/**
 * Whether a folder is itself the top of a work tree or a bare repository: it holds what Git looks for, which is HEAD,
 * and `objects` and `refs` in the common folder.
 */
export async function isRepository(directory: string): Promise<boolean> {
  const { gitDirectory, commonDirectory } = await findGitDirectories(directory)
  const parts = [join(gitDirectory, 'HEAD'), join(commonDirectory, 'objects'), join(commonDirectory, 'refs')]
  const found = await Promise.all(parts.map((part) => stat(part).catch(() => undefined)))
  return found.every((part) => part !== undefined)
}
