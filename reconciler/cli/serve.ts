import type { Registry } from 'prom-client'
import { schedule } from 'node-cron'
import { createEntrance } from './entrance.ts'
import { fleetTable } from './fleet-table.ts'
import { printProgress } from './progress.ts'
import type { Terminal } from './terminal.ts'
import { composeService, type Role } from '../compose-service.ts'
import type { Surroundings } from '../compose-drivers.ts'
import type { Config } from '../config.ts'
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

/**
 * Keeps the fleet as Git declares it until the signal is aborted; where another reconciler leads, follows it meanwhile. Returns the
 * exit code.
 */
export async function serve(request: ServeRequest): Promise<number> {
  const { config, policy, surroundings, terminal } = request
  const { signal, log } = surroundings
  await using service = await composeService(config, policy, surroundings)
  await using entrance = await createEntrance(config, service, { ...request, log })
  const { board } = service
  const stopProgress = request.progress ? printProgress(board, terminal) : () => undefined
  let url = ''
  let stopped = true
  let announce = request.progress
  try {
    await service.run({
      open: async (behind) => {
        url = await entrance.open(behind)
        if (request.progress)
          terminal.err(`status API at ${url}/api/v1/, source ${board.current().source.description}\n`)
      },
      act: async (role, roleSignal) => {
        if (announce && role.leads) announceReady(request, role, url)
        announce &&= !role.leads
        await act(role, config.schedule, roleSignal)
        if (role.leads && signal.aborted && request.stopInstances)
          stopped = await stopInstances(request, role)
      },
    })
  } finally {
    stopProgress()
  }
  return stopped ? 0 : 1
}

/** What a role does, until its signal is aborted. */
async function act(role: Role, cron: string, signal: AbortSignal): Promise<void> {
  const task = schedule(cron, () => role.controller.wake('schedule'), { timezone: 'UTC' })
  const following = [...role.deps.drivers.values()].map(async (driver) => followDriver(driver, role, signal))
  try {
    await Promise.all([role.controller.serve(signal), ...following])
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    await task.destroy()
  }
}

async function stopInstances({ progress, terminal }: ServeRequest, role: Role): Promise<boolean> {
  if (progress) terminal.err('stopping every instance\n')
  const stopped = await role.stopAll(AbortSignal.timeout(stopPatience))
  if (!stopped) terminal.err('some instances could not be stopped and run on; the log names them\n')
  return stopped
}

/** Whatever a driver notices wakes the loop. A broken event stream is opened again. */
async function followDriver(driver: Driver, { controller, deps }: Role, signal: AbortSignal): Promise<void> {
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
  { board, deps }: Role,
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
