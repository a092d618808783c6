import { largestRead } from './limits.ts'
import { SourceError, type SourceFile } from './source.ts'

/**
 * The ids of the files, each once.
 * @throws SourceError when they hold more than is read at once.
 */
export function checkReadSize(files: readonly SourceFile[]): readonly string[] {
  const sizes = new Map(files.map((file) => [file.id, file.size]))
  const total = [...sizes.values()].reduce((sum, size) => sum + size, 0)
  if (total <= largestRead) return [...sizes.keys()]
  const message = `the files to read hold ${total} bytes, more than ${largestRead}`
  throw new SourceError('too-many-files', message, { remedy: 'split the repository, or name a source.path' })
}
