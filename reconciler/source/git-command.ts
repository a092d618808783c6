import { simpleGit } from 'simple-git'

/** How one Git command runs. */
export interface GitCommandOptions {
  readonly workingDirectory: string
  /** The whole environment: nothing is inherited beside it. */
  readonly environment: Readonly<Record<string, string>>
  /** Ends a command that has printed nothing for so long, in milliseconds. */
  readonly silence: number
  readonly input?: string
  /** Sees the output as it comes, so as to end a command that prints too much. */
  readonly onOutput?: (chunk: Buffer) => void
  readonly signal: AbortSignal
}

/** Git ended with an error. The message is its stderr, and may hold anything that a server chose to say. */
export class GitFailure extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'GitFailure'
  }
}

/**
 * Runs Git by simple-git and gives its standard output as text.
 * @throws GitFailure, or the reason of the signal.
 */
export async function runGit(args: readonly string[], options: GitCommandOptions): Promise<string> {
  return await settle(client(options).raw([...args]), options.signal)
}

/**
 * Runs `git cat-file` and gives its standard output as bytes.
 * @throws GitFailure, or the reason of the signal.
 */
export async function catFile(args: readonly string[], options: GitCommandOptions): Promise<Buffer> {
  const output: unknown = await settle(client(options).binaryCatFile([...args]), options.signal)
  if (!Buffer.isBuffer(output)) throw new GitFailure('git cat-file gave no bytes')
  return output
}

function client(options: GitCommandOptions) {
  options.signal.throwIfAborted()
  const git = simpleGit({
    baseDir: options.workingDirectory,
    abort: options.signal,
    timeout: { block: options.silence },
    input: () => options.input,
    // Only the end of the output ends a command: simple-git otherwise cuts it 50 ms after the exit of the process.
    completion: { onClose: true, onExit: false },
    allowEnvironment: Object.keys(options.environment),
    // The one thing of its guard that is lifted: our own file stands in for the user's configuration.
    unsafe: { allowUnsafeConfigPaths: true },
    errors: (error, result) => {
      if (error !== undefined && !Buffer.isBuffer(error)) return error
      // A command that was killed has no exit code, and simple-git would take its half output for all of it.
      return result.exitCode === 0 ? undefined : new GitFailure(words(result))
    },
  }).env(options.environment)
  const { onOutput } = options
  if (onOutput !== undefined) git.outputHandler((_command, stdout) => void stdout.on('data', onOutput))
  return git
}

function words(result: { stdErr: Buffer[]; exitCode: number }): string {
  const said = Buffer.concat(result.stdErr).toString().trim()
  return said === '' ? `git ended with ${String(result.exitCode)}` : said
}

/** An abort rejects at once with its own reason, however long Git takes to end. */
async function settle<T>(work: PromiseLike<T>, signal: AbortSignal): Promise<T> {
  let stop = () => {}
  const aborted = new Promise<never>((_resolve, reject) => {
    stop = () => {
      reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'))
    }
    signal.addEventListener('abort', stop, { once: true })
  })
  try {
    return await Promise.race([work, aborted])
  } catch (error) {
    if (signal.aborted || error instanceof GitFailure) throw error
    throw new GitFailure(error instanceof Error ? error.message : String(error))
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
