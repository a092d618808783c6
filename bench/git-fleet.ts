import { createRepository } from '../test/support/git-repository.ts'

/** A Git repository that stands beside nobody's configuration. */
export interface GitFleet {
  readonly directory: string
  write(files: { readonly [path: string]: string }): Promise<void>
  /** Commits what was written. Returns the commit. */
  commit(message: string): Promise<string>
  /** Packs everything, as a server keeps it. */
  pack(): Promise<void>
  /** A commit like the newest with another content of one file, made but not yet on the branch. */
  prepare(path: string, content: string): Promise<string>
  /** Moves the branch to a prepared commit. */
  publish(commit: string): Promise<void>
}

/** Opens a repository, or makes it where there is none. */
export async function openFleet(directory: string): Promise<GitFleet> {
  const repository = await createRepository(directory)
  return {
    directory,
    commit: (message) => repository.commit(message),
    write: async (files) => {
      for (const [path, content] of Object.entries(files)) await repository.write(path, content)
    },
    pack: async () => {
      await repository.git('gc', '--quiet')
    },
    prepare: async (path, content) => {
      await repository.write(path, content)
      await repository.git('add', '--', path)
      return repository.git(
        'commit-tree',
        await repository.git('write-tree'),
        '-p',
        'HEAD',
        '-m',
        `Change ${path}`,
      )
    },
    publish: async (made) => {
      await repository.git('update-ref', 'refs/heads/main', made)
    },
  }
}
