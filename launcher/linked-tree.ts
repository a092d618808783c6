import { fs } from './builtin.ts'
import { join } from 'node:path'

const { constants, copyFileSync, linkSync, mkdirSync, readdirSync, readlinkSync, symlinkSync } = fs

/** Makes a folder with the content of another: files are the same on the disk where it can be, copies otherwise. */
export function linkTree(from: string, to: string): void {
  mkdirSync(to, { recursive: true })
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)]
    if (entry.isDirectory()) linkTree(source, target)
    else if (entry.isSymbolicLink()) symlinkSync(readlinkSync(source), target)
    else linkFile(source, target)
  }
}

/** On another file system, or where a file has as many names as it may have, it is copied. */
export function linkFile(source: string, target: string): void {
  try {
    linkSync(source, target)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code !== 'EXDEV' && code !== 'EMLINK' && code !== 'EPERM' && code !== 'ENOTSUP') throw error
    copyFileSync(source, target, constants.COPYFILE_FICLONE)
  }
}
