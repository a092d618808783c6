import { dirname } from 'node:path'
import { npmEnvironment } from './child-environment.ts'
import { spawnGuarded } from './child-process.ts'
import type { ConsoleLog } from './console-log.ts'
import { LineSplitter } from './log-buffer.ts'

export interface NpmRun {
  /** Where the package.json lies that says what to install. */
  readonly folder: string
  readonly allowScripts: boolean
  /** The Node.js that npm runs on. */
  readonly node: string
  readonly host: NodeJS.ProcessEnv
  readonly log: Pick<ConsoleLog, 'write'>
  /** After so long npm is ended, and all that it has started. */
  readonly timeoutMs: number
}

const longestLine = 2000
/** npm names the cause first; what follows is advice and where its own log lies. */
const linesTold = 12
const longestTold = 4000

const options = [
  'install',
  '--omit=dev',
  '--no-audit',
  '--no-fund',
  '--no-update-notifier',
  '--no-package-lock',
  '--loglevel=error',
  // The launcher asks again by itself; npm would hold an unreachable registry for minutes.
  '--fetch-retries=1',
  '--fetch-retry-mintimeout=1000',
]

/**
 * Installs what the package.json of a folder names; its processes are not Node-RED's, and no memory limit counts them.
 * What npm's own cache knows is not asked of the registry again. Throws an Error with npm's words. Aborting kills npm.
 */
export async function npmInstall(run: NpmRun, signal: AbortSignal): Promise<void> {
  const cached = await runNpm(run, ['--prefer-offline'], signal)
  if (cached === undefined) return
  // What npm remembers of a package may be older than the version that is asked for.
  const failure = /\bETARGET\b/.test(cached) ? await runNpm(run, ['--prefer-online'], signal) : cached
  if (failure !== undefined)
    throw new Error(`npm could not install the modules: ${failure}`.slice(0, longestTold))
}

/** Whether npm failed, for us or for whom we waited for, because packages want each other in versions that do not fit. */
export function isConflict(error: unknown): boolean {
  return error instanceof Error && /\bcode ERESOLVE\b/.test(error.message)
}

/** npm's first words about why it fails. */
async function runNpm(
  { folder, allowScripts, node, host, log, timeoutMs }: NpmRun,
  more: readonly string[],
  signal: AbortSignal,
): Promise<string | undefined> {
  const lines: string[] = []
  const splitter = new LineSplitter(longestLine)
  const keep = (texts: readonly string[]) => {
    log.write('launcher', texts)
    lines.push(...texts.filter((text) => !/^npm (error|ERR!)\s*$/.test(text)))
    lines.length = Math.min(lines.length, linesTold)
  }
  signal.throwIfAborted()
  const scripts = allowScripts ? [] : ['--ignore-scripts']
  const npm = spawnGuarded(
    {
      file: 'npm',
      arguments: [...options, ...scripts, ...more],
      folder,
      environment: npmEnvironment(host, dirname(node)),
    },
    (_, bytes) => keep(splitter.push(bytes)),
  )
  let late = false
  const kill = () => npm.signal('SIGKILL')
  const timer = setTimeout(() => {
    late = true
    kill()
  }, timeoutMs)
  signal.addEventListener('abort', kill)
  const { code } = await npm.ended
  clearTimeout(timer)
  signal.removeEventListener('abort', kill)
  keep(splitter.end())
  signal.throwIfAborted()
  if (late) return `it did not end within ${timeoutMs / 1000} s`
  return code === 0 ? undefined : lines.join('\n')
}
