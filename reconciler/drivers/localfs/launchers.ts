import { spawn } from 'node:child_process'
import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { LauncherBootstrap } from '../../../launcher/wire.ts'
import type { Clock } from '../../telemetry/clock.ts'
import { DriverError } from '../driver.ts'
import { askState, command } from '../launcher/admin-client.ts'
import type { LauncherWatch } from './launcher-watch.ts'
import { isAddressHere, isPortHeld, portHolder } from './ports.ts'
import { launcherTitle, type LauncherProcess, type ProcessTable } from './processes.ts'

/** The launcher's program, the flags for the Node.js that runs it, and the environment it gets. */
export interface LauncherProgram {
  readonly node: string
  readonly program: string
  readonly nodeFlags: readonly string[]
  readonly environment: { readonly [name: string]: string }
}

/** Starts and ends the processes of launchers. */
export interface Launchers {
  /**
   * Starts the launcher of a directory; settles when its admin API answers as this instance.
   * @throws DriverError `PortInUse`, `LauncherFailed` or `LauncherHung`.
   */
  start(directory: string, bootstrap: LauncherBootstrap, signal: AbortSignal): Promise<void>
  /** Ends launchers, and whatever answers as `bootstrap`; settles when the processes are gone. */
  stop(
    launchers: readonly LauncherProcess[],
    bootstrap: LauncherBootstrap | undefined,
    signal: AbortSignal,
  ): Promise<void>
  /** Settles when nobody listens on these ports. @throws DriverError `PortInUse` or `AddressNotHere` after a moment. */
  awaitFree(host: string, ports: readonly number[], signal: AbortSignal): Promise<void>
}

const readyWithinMs = 15_000
const readyPollMs = 15
const answerWithinMs = 2_000
/** A launcher ends itself and its Node-RED within 10 s of SIGTERM. */
const stoppedWithinMs = 12_000
/** How long Node-RED may take to notice that its launcher was killed, and to let go of its port. */
const freeWithinMs = 4_000
const pollMs = 20
/** What a launcher exits with when its admin port is taken. */
const exitPortInUse = 75

interface Parts {
  readonly launcher: LauncherProgram
  readonly table: ProcessTable
  readonly watch: Pick<LauncherWatch, 'add' | 'ended'>
  readonly clock: Clock
}

export function createLaunchers({ launcher, table, watch, clock }: Parts): Launchers {
  async function tell(uid: string, pid: number, ended: Promise<void>): Promise<void> {
    watch.add(uid, pid)
    await ended
    watch.ended(uid, pid)
  }

  async function awaitGone(processes: readonly LauncherProcess[], withinMs: number, signal: AbortSignal) {
    let left = processes
    for (const end = clock.now().getTime() + withinMs; clock.now().getTime() < end;) {
      const still = await Promise.all(left.map((process) => table.isStill(process)))
      left = left.filter((_, at) => still[at])
      if (left.length === 0) break
      await clock.sleep(pollMs, signal)
    }
    return left
  }

  async function awaitFree(host: string, ports: readonly number[], signal: AbortSignal): Promise<void> {
    const end = clock.now().getTime() + freeWithinMs
    for (const port of ports)
      while (await isPortHeld(host, port, signal)) {
        if (clock.now().getTime() > end) throw (await isAddressHere(host)) ? portInUse(port) : notHere(host)
        await clock.sleep(pollMs, signal)
      }
  }

  return {
    awaitFree,

    async start(directory, bootstrap, signal) {
      const child = await spawnLauncher(launcher, directory, bootstrap.fleet)
      if (child.pid !== undefined) void tell(bootstrap.uid, child.pid, child.ended)
      const limit = clock.now().getTime() + readyWithinMs
      while (clock.now().getTime() < limit) {
        if (await isOurs(bootstrap, signal)) return
        const exit = child.exit()
        // The launcher of another call may have been quicker: then it answers as the instance, and that is enough.
        if (exit !== undefined && !(await isOurs(bootstrap, signal)))
          throw await failure(exit, directory, bootstrap)
        await clock.sleep(readyPollMs, signal)
      }
      throw new DriverError('LauncherHung', `the launcher said nothing within ${readyWithinMs} ms`)
    },

    async stop(processes, bootstrap, signal) {
      await Promise.all(processes.map((process) => terminate(table, process)))
      if (processes.length === 0 && bootstrap !== undefined && (await isOurs(bootstrap, signal)))
        await command(bootstrap, { verb: 'shutdown', limit: AbortSignal.timeout(answerWithinMs) }, signal)
      const left = await awaitGone(processes, stoppedWithinMs, signal)
      await Promise.all(left.map((process) => table.signal(process, 'SIGKILL')))
      const immortal = await awaitGone(left, stoppedWithinMs, signal)
      if (immortal[0] !== undefined)
        throw new DriverError('StopFailed', `the launcher (pid ${immortal[0].pid}) cannot be ended`)
    },
  }
}

/** A process that was stopped (SIGSTOP) does not see a SIGTERM before it is continued. */
async function terminate(table: ProcessTable, launcher: LauncherProcess): Promise<void> {
  await table.signal(launcher, 'SIGTERM')
  await table.signal(launcher, 'SIGCONT')
}

/** Whether who answers at the admin API knows our token and is this instance of this fleet. */
async function isOurs(bootstrap: LauncherBootstrap, signal: AbortSignal): Promise<boolean> {
  const answer = await askState(bootstrap, answerWithinMs, signal)
  return (
    answer.kind === 'answered' && answer.state.uid === bootstrap.uid && answer.state.fleet === bootstrap.fleet
  )
}

/** How a launcher ended: its exit code, or why it could not be started at all. */
type Exit = number | NodeJS.Signals | Error

interface SpawnedLauncher {
  readonly pid: number | undefined
  readonly ended: Promise<void>
  /** Undefined while it runs. */
  readonly exit: () => Exit | undefined
}

async function spawnLauncher(
  { node, nodeFlags, program, environment }: LauncherProgram,
  directory: string,
  fleet: string,
): Promise<SpawnedLauncher> {
  const output = await open(outputOf(directory), 'a', 0o600)
  try {
    const child = spawn(node, [...nodeFlags, program, '--directory', directory], {
      argv0: launcherTitle(fleet),
      cwd: directory,
      env: environment,
      // It outlives the reconciler: a session of its own, and no pipe that would end with us.
      detached: true,
      stdio: ['ignore', output.fd, output.fd],
    })
    child.unref()
    let exit: Exit | undefined
    const ended = new Promise<void>((resolve) => {
      const end = (how: Exit) => {
        exit = how
        resolve()
      }
      child.once('error', end)
      child.once('exit', (code, signal) => end(code ?? signal ?? 0))
    })
    return { pid: child.pid, ended, exit: () => exit }
  } finally {
    await output.close()
  }
}

const outputOf = (directory: string) => join(directory, 'launcher.out')

async function failure(exit: Exit, directory: string, bootstrap: LauncherBootstrap): Promise<DriverError> {
  if (exit === exitPortInUse) return portInUse(bootstrap.adminPort)
  if (exit instanceof Error)
    return new DriverError('LauncherFailed', 'the launcher cannot be started', { cause: exit })
  const output = await readFile(outputOf(directory), 'utf8').catch(() => '')
  const last = output.trimEnd().split('\n').slice(-5).join('; ').slice(-500)
  return new DriverError('LauncherFailed', `the launcher ended at once (${exit}): ${last}`)
}

function notHere(host: string): DriverError {
  const remedy = 'name one that is as localfs.host in the configuration'
  return new DriverError('AddressNotHere', `${host} is no address of this machine: ${remedy}`)
}

function portInUse(port: number): DriverError {
  const holder = portHolder(port)
  const by = holder === undefined ? 'another process' : holder
  return new DriverError('PortInUse', `port ${port} is held by ${by}`)
}
