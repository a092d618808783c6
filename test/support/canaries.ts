import { readdirSync, readFileSync } from 'node:fs'
import { lstat, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Secrets to look for, by what they are. Whatever shows one says which, never the value. */
export interface Canaries {
  add(name: string, value: string): void
  /** Names of the canaries that a text or the bytes of a file hold, plain or in another usual form. */
  in(content: string | Buffer): readonly string[]
  /** `file: canary` for every file below a folder that holds one. `except` names folders and files to leave out. */
  inFiles(folder: string, except: readonly string[]): Promise<readonly string[]>
  /** Looks into the command line of every process again and again until stopped, and tells what was found. */
  watchProcesses(): { stop(): readonly string[] }
}

export function createCanaries(): Canaries {
  const forms = new Map<string, readonly Buffer[]>()
  const found = (content: string | Buffer) => {
    const bytes = typeof content === 'string' ? Buffer.from(content) : content
    return [...forms].filter(([, all]) => all.some((form) => bytes.includes(form))).map(([name]) => name)
  }
  return {
    add: (name, value) => forms.set(name, formsOf(value)),
    in: found,
    inFiles: async (folder, except) => {
      const finds: string[] = []
      for (const path of await filesBelow(folder, except))
        finds.push(...found(await readFile(path)).map((name) => `${path}: ${name}`))
      return finds
    },
    watchProcesses: () => {
      const finds = new Set<string>()
      const timer = setInterval(() => {
        for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name)))
          for (const name of found(bytesOf(`/proc/${pid}/cmdline`))) finds.add(name)
      }, 25)
      return {
        stop: () => {
          clearInterval(timer)
          return [...finds]
        },
      }
    },
  }
}

/** Plain, and as it may stand in a URL, an Authorization header, JSON within JSON, or a dump. */
function formsOf(value: string): readonly Buffer[] {
  const plain = Buffer.from(value)
  const base64 = plain.toString('base64').replace(/=+$/, '')
  const texts = [value, encodeURIComponent(value), base64, plain.toString('base64url'), plain.toString('hex')]
  return [...new Set(texts)].map((text) => Buffer.from(text))
}

async function filesBelow(folder: string, except: readonly string[]): Promise<readonly string[]> {
  const files: string[] = []
  for (const name of await readdir(folder).catch(() => [])) {
    const path = join(folder, name)
    if (except.includes(path)) continue
    const stats = await lstat(path).catch(() => undefined)
    if (stats?.isDirectory() === true) files.push(...(await filesBelow(path, except)))
    else if (stats?.isFile() === true) files.push(path)
  }
  return files
}

/** What a process shows of itself in /proc (Linux); nothing once it has ended. */
export function bytesOf(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch {
    return Buffer.alloc(0)
  }
}
