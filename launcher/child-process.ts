import { type ChildProcess, spawn } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import type { Environment } from './child-environment.ts'

export interface Command {
  /** An absolute path, or a name that is looked up on the command's own PATH. */
  readonly file: string
  readonly arguments: readonly string[]
  readonly folder: string
  readonly environment: Environment
  /** Gets what the process writes to its descriptor `reportDescriptor`; without it the process has none. */
  readonly reports?: (bytes: Buffer) => void
}

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** A process in a group of its own that cannot outlive the launcher. */
export interface GuardedProcess {
  readonly pid: number
  /** Settles when it has ended, and with it all that is left of its group; its output has been read then. */
  readonly ended: Promise<Ended>
  /** Sends a signal to the whole group. Nothing happens once it has ended. */
  signal(name: NodeJS.Signals): void
}

/**
 * The watchdog reads process ids from a pipe whose other end only the launcher holds. When the launcher is gone,
 * however it went, the pipe ends and the watchdog kills the group it read last; 0 means none. One that replaces another is told the id as it starts.
 */
const watch = 'pid=$1; while read -r p; do pid=$p; done; [ "${pid:-0}" -gt 0 ] && kill -s KILL -- "-$pid"'

/**
 * The child holds the pipe too until it has written its own id into it, and only then becomes the command: there is
 * no moment at which it runs and the watchdog does not know it.
 */
const register = 'echo $$ >&3; exec "$@" 3>&-'

const shell = '/bin/sh'
/** The descriptor that a process may report on, if its command takes reports. 3 is the watchdog's. */
export const reportDescriptor = 4
/** How long output may still come from whoever else holds the pipe after the process has ended. */
const outputGraceMs = 500

/** Starts a command under a watchdog. `output` gets what it prints. Throws when no process can be made. */
export function spawnGuarded(
  command: Command,
  output: (from: 'stdout' | 'stderr', bytes: Buffer) => void,
): GuardedProcess {
  const guard = new Guard()
  const child = spawn(shell, ['-c', register, 'sh', command.file, ...command.arguments], {
    cwd: command.folder,
    env: command.environment,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', guard.pipe, command.reports === undefined ? 'ignore' : 'pipe'],
  })
  const { pid } = child
  if (pid === undefined) {
    child.on('error', () => undefined)
    guard.release()
    throw new Error(`${command.file} cannot be started in ${command.folder}`)
  }
  guard.watch(pid)
  readable(child, 'stdout')?.on('data', (bytes: Buffer) => output('stdout', bytes))
  readable(child, 'stderr')?.on('data', (bytes: Buffer) => output('stderr', bytes))
  const { reports } = command
  if (reports !== undefined) child.stdio[reportDescriptor]?.on('error', () => undefined).on('data', reports)
  let alive = true
  const ended = endOf(child, () => {
    alive = false
    signalGroup(pid, 'SIGKILL')
    guard.release()
  })
  return { pid, ended, signal: (name) => (alive ? signalGroup(pid, name) : undefined) }
}

function endOf(child: ChildProcess, whenGone: () => void): Promise<Ended> {
  return new Promise((resolve) => {
    child.on('error', () => undefined)
    child.once('exit', (code, signal) => {
      whenGone()
      const timer = setTimeout(() => resolve({ code, signal }), outputGraceMs)
      child.once('close', () => {
        clearTimeout(timer)
        resolve({ code, signal })
      })
    })
  })
}

function readable(child: ChildProcess, name: 'stdout' | 'stderr'): Readable | null {
  child[name]?.on('error', () => undefined)
  return child[name]
}

function signalGroup(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(-pid, name)
  } catch {
    // Nobody is left in the group.
  }
}

/** One watchdog for one process; a watchdog that is killed is replaced. */
class Guard {
  #watchdog: { readonly pipe: Writable }
  #pid = 0
  #released = false

  constructor() {
    this.#watchdog = this.#start()
  }

  get pipe(): Writable {
    return this.#watchdog.pipe
  }

  /** The child writes its id itself; this one is for a watchdog that must be replaced. */
  watch(pid: number): void {
    this.#pid = pid
  }

  release(): void {
    this.#released = true
    this.#watchdog.pipe.end('0\n')
  }

  #start(): { readonly pipe: Writable } {
    const child = spawn(shell, ['-c', watch, 'weir-watchdog', String(this.#pid)], {
      cwd: '/',
      env: {},
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    })
    child.on('error', () => undefined)
    child.stdin.on('error', () => undefined)
    child.once('exit', () => this.#replace())
    return { pipe: child.stdin }
  }

  #replace(): void {
    if (this.#released) return
    this.#watchdog = this.#start()
  }
}
