import { fs } from './builtin.ts'
import { dirname } from 'node:path'

const { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } = fs

/**
 * Replaces a file as a whole: after a kill or a power cut it is either as before or as asked. The mode is 0600: what the
 * launcher writes may hold secrets. Throws what the file system throws.
 */
export function writeFileAtomic(path: string, content: string): void {
  const temporary = `${path}.new`
  rmSync(temporary, { force: true })
  try {
    writeAndSync(temporary, content)
    renameSync(temporary, path)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  }
  syncDirectory(dirname(path))
}

function writeAndSync(path: string, content: string): void {
  const file = openSync(path, 'wx', 0o600)
  try {
    const bytes = Buffer.from(content)
    let written = 0
    while (written < bytes.length) written += writeSync(file, bytes, written)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

function syncDirectory(path: string): void {
  const directory = openSync(path, 'r')
  try {
    fsyncSync(directory)
  } finally {
    closeSync(directory)
  }
}
