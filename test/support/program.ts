import { execFile } from 'node:child_process'
import { lstat, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isolatedGitEnvironment } from './git-repository.ts'

export const program = join(import.meta.dirname, '../../bin/reconcile.js')

/** How a run ended, and what it said. */
export interface Result {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** What a run may be given beside its arguments. */
export interface RunOptions {
  /** More environment, such as WEIR_TOKEN. */
  readonly env?: Readonly<Record<string, string>>
  /** What stands on its standard input. Default: nothing. */
  readonly input?: string
  /** Its working folder. */
  readonly cwd?: string
}

/** Runs the real program to its end, with its standard input closed after `input`. */
export async function runReconcile(args: readonly string[], options: RunOptions = {}): Promise<Result> {
  const { env = {}, input = '', cwd } = options
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [program, ...args],
      { env: { ...isolatedGitEnvironment, ...env }, maxBuffer: 1e8, ...(cwd === undefined ? {} : { cwd }) },
      (_error, stdout, stderr) => resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    )
    child.stdin?.end(input)
  })
}

/** Every file and folder below a folder with its mode, size, time of change and content; empty where there is none. */
export async function treeOf(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder, { recursive: true }).catch(() => [])
  const entries = names.map(async (name) => {
    const path = join(folder, name)
    const { mode, size, mtimeMs } = await lstat(path)
    const content = await readFile(path, 'base64').catch(() => '')
    return `${name} ${mode.toString(8)} ${size} ${mtimeMs} ${content}`
  })
  return (await Promise.all(entries)).toSorted()
}
