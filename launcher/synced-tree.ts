import { fs, util } from './builtin.ts'
import { join } from 'node:path'

const { readdirSync } = fs
const [open, fsync, close] = [util.promisify(fs.open), util.promisify(fs.fsync), util.promisify(fs.close)]

/** As many at once as Node.js has threads for: what waits together is written together. */
const atOnce = 4

/** Brings a folder and all that is in it to the disk (fsync(2)): what is marked as whole is whole after a power cut. */
export async function syncTree(folder: string, signal: AbortSignal): Promise<void> {
  const paths = pathsIn(folder)
  const work = async () => {
    for (let path = paths.pop(); path !== undefined; path = paths.pop()) {
      signal.throwIfAborted()
      await sync(path)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, work))
}

/** The folder and the files and folders in it; what a link leads to is not in it. */
function pathsIn(folder: string): string[] {
  const inside = readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return pathsIn(path)
    return entry.isFile() ? [path] : []
  })
  return [folder, ...inside]
}

async function sync(path: string): Promise<void> {
  const descriptor = await open(path, 'r')
  try {
    await fsync(descriptor)
  } finally {
    await close(descriptor)
  }
}
