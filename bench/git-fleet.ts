import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** A Git repository that stands beside nobody's configuration. */
export interface GitFleet {
  readonly directory: string
  write(files: { readonly [path: string]: string }): Promise<void>
  /** Commits what was written. Returns the commit. */
  commit(message: string): Promise<string>
  /** A commit like the newest with another content of one file, made but not yet on the branch. */
  prepare(path: string, content: string): Promise<string>
  /** Moves the branch to a prepared commit. */
  publish(commit: string): Promise<void>
}

/** Opens a repository, or makes it where there is none. */
export async function openFleet(directory: string): Promise<GitFleet> {
  const environment = {
    ...process.env,
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_CONFIG_SYSTEM: '/dev/null',
    GIT_AUTHOR_NAME: 'Bench',
    GIT_AUTHOR_EMAIL: 'bench@example.com',
    GIT_COMMITTER_NAME: 'Bench',
    GIT_COMMITTER_EMAIL: 'bench@example.com',
  }
  const git = async (...args: readonly string[]): Promise<string> => {
    const { stdout } = await run('git', [...args], { cwd: directory, env: environment, maxBuffer: 1 << 26 })
    return stdout.trim()
  }
  const write: GitFleet['write'] = async (files) => {
    for (const [path, content] of Object.entries(files)) {
      await mkdir(dirname(join(directory, path)), { recursive: true })
      await writeFile(join(directory, path), content)
    }
  }
  await git('init', '--quiet', '--initial-branch=main')
  return {
    directory,
    write,
    commit: async (message) => {
      await git('add', '--all')
      await git('commit', '--quiet', '--message', message)
      return git('rev-parse', 'HEAD')
    },
    prepare: async (path, content) => {
      await write({ [path]: content })
      await git('add', '--', path)
      return git('commit-tree', await git('write-tree'), '-p', 'HEAD', '-m', `Change ${path}`)
    },
    publish: async (commit) => {
      await git('update-ref', 'refs/heads/main', commit)
    },
  }
}
