import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { promisify } from 'node:util'
import { defined } from '../../model/defined.ts'
import { hasCode } from '../../model/has-code.ts'

const run = promisify(execFile)

/** A live process that says of itself that it is the launcher of a directory. */
export interface LauncherProcess {
  readonly pid: number
  /** What follows `--directory` in its command line. */
  readonly directory: string
  /** The fleet in its first argument; absent where somebody else started it. */
  readonly fleet?: string
}

export interface ProcessTable {
  /** Every launcher below a folder, in one listing. */
  launchers(root: string): Promise<readonly LauncherProcess[]>
  /** Whether the pid still is that launcher: a pid alone proves nothing, it may have been given to another. */
  isStill(launcher: LauncherProcess): Promise<boolean>
  /** Sends a signal if the pid still is that launcher. */
  signal(launcher: LauncherProcess, signal: NodeJS.Signals): Promise<void>
}

const title = 'weir-launcher:'

/** The first argument of a launcher: who reads the process list sees whose it is. */
export function launcherTitle(fleet: string): string {
  return `${title}${fleet}`
}

/** Reads the processes of this machine: `/proc` on Linux, `ps` elsewhere. */
export function createProcessTable({ platform }: { readonly platform: NodeJS.Platform }): ProcessTable {
  const commands = platform === 'linux' ? procCommands : psCommands

  async function isStill(launcher: LauncherProcess): Promise<boolean> {
    const [now] = await commands(launcher.pid)
    return now !== undefined && now.directory === launcher.directory && now.fleet === launcher.fleet
  }

  return {
    isStill,
    async launchers(root) {
      return (await commands()).filter(({ directory }) => dirname(directory) === root)
    },
    async signal(launcher, signal) {
      if (!(await isStill(launcher))) return
      try {
        process.kill(launcher.pid, signal)
      } catch (error) {
        if (!hasCode(error, 'ESRCH')) throw error
      }
    },
  }
}

/** The uid of the instance that a launcher serves: the name of its directory. */
export function uidOf(launcher: LauncherProcess): string {
  return basename(launcher.directory)
}

/** Between fork and exec a child of a launcher still bears its command line: it is no second launcher. */
function withoutForks(found: readonly Listed[]): readonly LauncherProcess[] {
  const byPid = new Map(found.map((one) => [one.pid, one]))
  return found
    .filter(({ parent, directory }) => byPid.get(parent)?.directory !== directory)
    .map(({ pid, directory, fleet }) => defined({ pid, directory, fleet }))
}

interface Listed extends LauncherProcess {
  readonly parent: number
}

/** Synchronous: `/proc` never waits for a disk, and a promise for each of thousands of files costs ten times more. */
async function procCommands(pid?: number): Promise<readonly LauncherProcess[]> {
  const pids = pid === undefined ? readdirSync('/proc').filter((name) => /^\d+$/.test(name)) : [String(pid)]
  const listed = pids.flatMap((pid) => {
    const launcher = parseArguments(Number(pid), commandLine(pid).split('\0'))
    return launcher === undefined ? [] : [{ ...launcher, parent: parentOf(pid) }]
  })
  return withoutForks(listed)
}

/** The parent's process id; 0 when the process has ended meanwhile. `man 5 proc_pid_stat`: the name before it may hold anything. */
function parentOf(pid: string): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
  } catch {
    return 0
  }
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return '' // It ended meanwhile, or belongs to somebody else.
  }
}

/** Reads the arguments of a process as `/proc/PID/cmdline` holds them. Pure. */
export function parseArguments(pid: number, argv: readonly string[]): LauncherProcess | undefined {
  const at = argv.indexOf('--directory')
  const directory = at < 0 ? undefined : argv[at + 1]
  if (directory === undefined || directory === '') return undefined
  return { pid, directory, ...fleetOf(argv[0]) }
}

async function psCommands(pid?: number): Promise<readonly LauncherProcess[]> {
  const which = pid === undefined ? ['-ax'] : ['-p', String(pid)]
  const { stdout } = await run('ps', [...which, '-ww', '-o', 'pid=,ppid=,command='], {
    maxBuffer: 2 ** 28,
  }).catch(
    // `ps -p` of a process that is not there ends with 1 and says nothing.
    (error: unknown) => {
      if (pid === undefined) throw error
      return { stdout: '' }
    },
  )
  return withoutForks(stdout.split('\n').flatMap((line) => parsePsLine(line) ?? []))
}

/** Reads a line of `ps -o pid=,ppid=,command=`, where the directory is all that follows `--directory `. Pure. */
export function parsePsLine(line: string): Listed | undefined {
  const match = /^\s*(?<pid>\d+)\s+(?<parent>\d+)\s+(?<first>\S+).* --directory (?<directory>.+?)\s*$/.exec(
    line,
  )?.groups
  if (match?.['directory'] === undefined) return undefined
  const { pid, parent, directory, first } = match
  return { pid: Number(pid), parent: Number(parent), directory, ...fleetOf(first) }
}

function fleetOf(first: string | undefined): { fleet?: string } {
  return first?.startsWith(title) === true ? { fleet: first.slice(title.length) } : {}
}
