import type { Registry } from 'prom-client'
import { schedule } from 'node-cron'
import { fleetTable } from './fleet-table.ts'
import { printProgress } from './progress.ts'
import type { Terminal } from './terminal.ts'
import { compose, type Composition } from '../compose.ts'
import type { Surroundings } from '../compose-drivers.ts'
import type { Config } from '../config.ts'
import { openDoors } from '../doors.ts'
import type { Driver } from '../drivers/driver.ts'
import type { DeletionPolicy } from '../plan/gates.ts'

export interface ServeRequest {
  readonly config: Config
  readonly policy: DeletionPolicy
  readonly surroundings: Surroundings
  readonly registry: Registry
  readonly terminal: Terminal
  /** Whether to print what happens for a person. */
  readonly progress: boolean
  /** Stop every instance at the end; otherwise they go on and are adopted at the next start. */
  readonly stopInstances: boolean
  /** Called once, when the first round has left nothing to do. */
  readonly onReady: (url: string) => void
}

/** How long stopping every instance may take. In milliseconds. */
const stopPatience = 30_000

/** Keeps the fleet as Git declares it until the signal is aborted. Returns the exit code. */
export async function serve(request: ServeRequest): Promise<number> {
  const { config, policy, surroundings, terminal } = request
  await using composition = await compose(config, policy, surroundings)
  await using doors = await openDoors(config, composition, { ...request, log: surroundings.log })
  if (request.progress)
    terminal.err(`status API at ${doors.url}/api/v1/, source ${composition.deps.source.description}\n`)
  const stopProgress = request.progress ? printProgress(composition.board, terminal) : () => undefined
  const task = schedule(config.schedule, () => composition.controller.wake('schedule'), { timezone: 'UTC' })
  if (request.progress) announceReady(request, composition, doors.url)
  let stopped = true
  try {
    await Promise.all([
      composition.controller.serve(surroundings.signal),
      ...[...composition.deps.drivers.values()].map(async (driver) =>
        followDriver(driver, composition, surroundings.signal),
      ),
    ])
  } catch (error) {
    if (!surroundings.signal.aborted) throw error
  } finally {
    stopProgress()
    await task.destroy()
    if (request.stopInstances) stopped = await stopInstances(request, composition)
  }
  return stopped ? 0 : 1
}

async function stopInstances(
  { progress, terminal }: ServeRequest,
  composition: Composition,
): Promise<boolean> {
  if (progress) terminal.err('stopping every instance\n')
  const stopped = await composition.stopAll(AbortSignal.timeout(stopPatience))
  if (!stopped) terminal.err('some instances could not be stopped and run on; the log names them\n')
  return stopped
}

/** Whatever a driver notices wakes the loop. A broken event stream is opened again. */
async function followDriver(
  driver: Driver,
  { controller, deps }: Composition,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted && driver.events !== undefined) {
    try {
      for await (const _event of driver.events(signal)) controller.wake('driver')
    } catch (error) {
      if (!signal.aborted) deps.log.warn({ driver: driver.name, err: error }, 'driver events broke off')
    }
    await deps.clock.sleep(1_000, signal).catch(() => undefined)
  }
}

/** Tells once how the fleet is, when the first work is done: everything runs, or what does not has failed. */
function announceReady(
  { config, terminal, onReady }: ServeRequest,
  { board, deps }: Composition,
  url: string,
): void {
  const end = board.subscribe(() => {
    const { ready, plan } = board.current()
    if (!ready || plan === undefined || !deps.executor.idle) return
    if (
      plan.refusals.length === 0 &&
      plan.actions.some(({ target }) => deps.executor.failureOf(target.name) === undefined)
    )
      return
    end()
    terminal.err(`\n${fleetTable(board.current(), config.localfs.host)}\n`)
    onReady(url)
  })
}
