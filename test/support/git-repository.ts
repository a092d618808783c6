import { execFile } from 'node:child_process'
import { mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** An environment in which Git sees nothing of the machine's own configuration and makes the same commits everywhere. */
export const isolatedGitEnvironment = {
  PATH: process.env['PATH'] ?? '',
  HOME: '/nonexistent',
  LC_ALL: 'C',
  TZ: 'UTC',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_SYSTEM: '/dev/null',
  GIT_TERMINAL_PROMPT: '0',
  GIT_AUTHOR_NAME: 'Ada Example',
  GIT_AUTHOR_EMAIL: 'ada@example.com',
  GIT_AUTHOR_DATE: '2026-01-02T03:04:05Z',
  GIT_COMMITTER_NAME: 'Ada Example',
  GIT_COMMITTER_EMAIL: 'ada@example.com',
  GIT_COMMITTER_DATE: '2026-01-02T03:04:05Z',
}

/** A real repository with a work tree, on the branch `main`. */
export interface TestRepository {
  readonly directory: string
  /** Writes a file below the work tree and makes its folders. */
  write(path: string, content: string | Uint8Array): Promise<void>
  /** Makes a symbolic link at `path` that says `target`. */
  symlink(path: string, target: string): Promise<void>
  /** Removes a file or a folder; absent is no error. */
  remove(path: string): Promise<void>
  /** Commits everything there is, even nothing new, and gives the commit's id. */
  commit(message: string): Promise<string>
  /** Any other Git command in the work tree; gives its trimmed standard output. */
  git(...args: string[]): Promise<string>
}

/** Runs Git with the isolated environment and gives its trimmed standard output. */
export async function isolatedGit(directory: string, ...args: string[]): Promise<string> {
  const { stdout } = await run('git', args, {
    cwd: directory,
    env: isolatedGitEnvironment,
    maxBuffer: 64 * 1024 * 1024,
  })
  return stdout.trim()
}

/** Makes an empty repository at `directory`, which may exist. It has no commit yet. */
export async function createRepository(directory: string): Promise<TestRepository> {
  await mkdir(directory, { recursive: true })
  const git = (...args: string[]) => isolatedGit(directory, ...args)
  await git('init', '--quiet', '--initial-branch=main')
  await git('config', 'core.autocrlf', 'false')
  await git('config', 'gc.auto', '0')
  return {
    directory,
    git,
    write: async (path, content) => {
      await mkdir(dirname(join(directory, path)), { recursive: true })
      await writeFile(join(directory, path), content)
    },
    symlink: async (path, target) => {
      await mkdir(dirname(join(directory, path)), { recursive: true })
      await symlink(target, join(directory, path))
    },
    remove: async (path) => {
      await rm(join(directory, path), { recursive: true, force: true })
    },
    commit: async (message) => {
      await git('add', '--all')
      await git('commit', '--quiet', '--allow-empty', '--message', message)
      return await git('rev-parse', 'HEAD')
    },
  }
}
