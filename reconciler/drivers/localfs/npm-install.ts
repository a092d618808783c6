import { spawn } from 'node:child_process'
import { DriverError } from '../driver.ts'

/** How npm is called: its program, and an environment without secrets. */
export interface Npm {
  readonly program: string
  readonly environment: { readonly [name: string]: string }
}

const keptOutput = 16_384

/**
 * Installs what the package.json of a folder names. No package's script is run.
 * @throws DriverError `StackNotFound` (stalled) where a version does not exist, `StackInstallFailed` otherwise.
 */
export async function npmInstall(npm: Npm, folder: string, signal: AbortSignal): Promise<void> {
  const { code, output } = await runNpm(npm, folder, signal)
  if (code === 0) return
  const lines = errorLines(output)
  if (/\bcode E(TARGET|INVALIDTAGNAME)\b/.test(output)) throw new DriverError('StackNotFound', lines)
  throw new DriverError('StackInstallFailed', lines)
}

const options = [
  'install',
  '--omit=dev',
  '--ignore-scripts',
  '--no-audit',
  '--no-fund',
  '--no-package-lock',
  '--no-update-notifier',
  '--no-progress',
  // The reconciler has a back-off of its own; npm's default would hold an unreachable registry for minutes.
  '--fetch-retries=1',
  '--fetch-retry-mintimeout=1000',
  '--loglevel=error',
]

async function runNpm(
  npm: Npm,
  cwd: string,
  signal: AbortSignal,
): Promise<{ readonly code: number | null; readonly output: string }> {
  signal.throwIfAborted()
  const ended = Promise.withResolvers<{ readonly code: number | null; readonly output: string }>()
  // A group of its own, so that an abort ends npm's children with it.
  const child = spawn(npm.program, options, {
    cwd,
    env: npm.environment,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  const keep = (part: Buffer) => {
    output = (output + part.toString('utf8')).slice(-keptOutput)
  }
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  child.once('error', ended.reject)
  child.once('close', (code) => ended.resolve({ code, output }))
  const abort = () => {
    if (child.pid !== undefined) endGroup(child.pid)
  }
  signal.addEventListener('abort', abort, { once: true })
  const result = await ended.promise.catch((error: unknown) => {
    throw new DriverError('StackInstallFailed', `npm cannot be run: ${String(error)}`, {
      cause: error,
    })
  })
  signal.removeEventListener('abort', abort)
  signal.throwIfAborted()
  return result
}

function endGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It ended meanwhile.
  }
}

/** The last lines in which npm says what is wrong, without the pointer to its log. Pure. */
export function errorLines(output: string): string {
  const lines = output
    .split('\n')
    .map((line) => line.replace(/^npm (error|ERR!)\s?/, '').trim())
    .filter(
      (line) => line !== '' && !line.includes('complete log of this run') && !line.startsWith('npm warn'),
    )
  return `npm install failed: ${lines.slice(-8).join('; ')}`.slice(0, 2000)
}
