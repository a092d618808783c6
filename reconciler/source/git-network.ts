import { spawn, type ChildProcess } from 'node:child_process'
import { GitFailure, type GitCommandOptions } from './git-command.ts'

/** How long Git and its helpers have to clean up after themselves, in milliseconds. */
const grace = 2000

/** No answer that matters is longer, in bytes. A server that says more is ended. */
const longestAnswer = 16 * 1024 * 1024

/**
 * Runs a Git command that talks to a remote, and gives its standard output. Not by simple-git, which can end Git alone:
 * the `git-remote-https` or `ssh` that Git has started would live on, and hang as long as the server does. Here Git is
 * the leader of a process group of its own, and the group is ended.
 * @throws GitFailure, or the reason of the signal.
 */
export async function askRemote(args: readonly string[], options: GitCommandOptions): Promise<string> {
  options.signal.throwIfAborted()
  const child = spawn('git', [...args], {
    cwd: options.workingDirectory,
    env: options.environment,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  return await new Promise<string>((resolve, reject) => {
    const fail = (error: Error) => {
      endGroup(child)
      settle(() => {
        reject(error)
      })
    }
    const onAbort = () => {
      fail(options.signal.reason instanceof Error ? options.signal.reason : new Error('aborted'))
    }
    const stopListening = listen(child, options.silence, fail)
    const settle = (finish: () => void) => {
      options.signal.removeEventListener('abort', onAbort)
      stopListening()
      finish()
    }
    const output = collect(child, fail)
    options.signal.addEventListener('abort', onAbort, { once: true })
    child.on('error', (error) => {
      fail(new GitFailure(`git cannot be started: ${error.message}`))
    })
    child.on('close', (code) => {
      settle(() => {
        if (code === 0) resolve(output().stdout)
        else reject(new GitFailure(output().stderr || `git ended with ${String(code)}`))
      })
    })
  })
}

/** Ends a command that has printed nothing for so long. */
function listen(child: ChildProcess, silence: number, fail: (error: Error) => void): () => void {
  const timer = setTimeout(() => {
    fail(new GitFailure(`the server has said nothing for ${silence / 1000} s`))
  }, silence)
  const onData = () => void timer.refresh()
  child.stdout?.on('data', onData)
  child.stderr?.on('data', onData)
  return () => {
    clearTimeout(timer)
  }
}

function collect(child: ChildProcess, fail: (error: Error) => void) {
  const stdout: Buffer[] = []
  let stderr = ''
  let length = 0
  child.stdout?.on('data', (chunk: Buffer) => {
    stdout.push(chunk)
    length += chunk.length
    if (length > longestAnswer) fail(new GitFailure('the server says too much'))
  })
  child.stderr?.on('data', (chunk: Buffer) => {
    // Progress is long and its end is what matters.
    stderr = (stderr + chunk.toString()).slice(-16_384)
  })
  return () => ({ stdout: Buffer.concat(stdout).toString(), stderr: stderr.trim() })
}

function endGroup(child: ChildProcess): void {
  const { pid } = child
  if (pid === undefined) return
  const end = (signal: NodeJS.Signals) => {
    try {
      process.kill(-pid, signal)
    } catch {
      // The group is gone, which is what was wanted.
    }
  }
  end('SIGTERM')
  const last = setTimeout(end, grace, 'SIGKILL')
  // A leader that is gone says nothing of its group: only its closed output does.
  child.once('close', () => {
    clearTimeout(last)
    end('SIGKILL')
  })
}
