import type { LauncherBootstrap } from '../../../launcher/wire.ts'
import { adminPortOffset } from '../../model/launcher-ports.ts'
import type { Credentials, PlacedInstance } from '../../model/placed-instance.ts'
import type { Clock } from '../../telemetry/clock.ts'
import { DriverError } from '../driver.ts'
import { askState, type AdminAnswer, type LauncherAddress } from '../launcher/admin-client.ts'
import { bringUpToDate } from '../launcher/bring-up-to-date.ts'
import type { ContainerPolicy } from './container-spec.ts'
import type { Engine } from './engine.ts'
import { bootstrapFile, nodeProgram, nodeRedPort, stackFolder } from './image-contract.ts'
import { adminAddress } from './observe.ts'

const answerWithinMs = 2_000
const readyWithinMs = 45_000
const readyPollMs = 25
const stopGraceSeconds = 15

export interface WakeParts {
  readonly engine: Pick<Engine, 'inspect' | 'start' | 'stop' | 'unpause' | 'write'>
  readonly policy: ContainerPolicy
  readonly clock: Clock
}

interface Asleep {
  readonly id: string
  /** The engine's word, such as `created`, `running` or `paused`. */
  readonly state: string
  readonly instance: PlacedInstance
  readonly credentials: Credentials
}

/**
 * Has the launcher in a container run on the settings of now; settles when it answers as this instance.
 * @throws DriverError `LauncherFailed`, `LauncherHung`, `NoAddress`.
 */
export type Wake = (asleep: Asleep, signal: AbortSignal) => Promise<void>

export function createWake({ engine, policy, clock }: WakeParts): Wake {
  async function address({ id, credentials }: Asleep, signal: AbortSignal): Promise<LauncherAddress> {
    const inspected = await engine.inspect(id, signal)
    if (inspected === undefined)
      throw new DriverError('LauncherFailed', 'the container was removed meanwhile')
    const { Status, ExitCode } = inspected.State
    if (Status !== 'running')
      throw new DriverError('LauncherFailed', `the container is ${Status}; its last exit code is ${ExitCode}`)
    const host = inspected.NetworkSettings.Networks[policy.network]?.IPAddress ?? ''
    if (host === '') throw new DriverError('NoAddress', `the container has no address in ${policy.network}`)
    return adminAddress(host, credentials.adminToken)
  }

  /** Tells it what it is, and waits until it answers as that. Telling it twice changes nothing. */
  async function tell(asleep: Asleep, signal: AbortSignal): Promise<void> {
    const content = JSON.stringify(bootstrapOf(asleep, policy))
    await engine.write(asleep.id, { file: bootstrapFile, content }, signal)
    const end = clock.now().getTime() + readyWithinMs
    let last: AdminAnswer['kind'] = 'refused'
    while (clock.now().getTime() < end) {
      const answer = await askState(await address(asleep, signal), answerWithinMs, signal)
      if (isOurs(answer, asleep)) return
      last = answer.kind
      await clock.sleep(readyPollMs, signal)
    }
    const why = { answered: 'it answers as another', denied: 'it does not know its token' } as const
    const said = last === 'answered' || last === 'denied' ? why[last] : 'it does not answer'
    throw new DriverError('LauncherHung', `the launcher is not up within ${readyWithinMs} ms: ${said}`)
  }

  /** What is in memory is gone with a container's stop, so that it has to be told again. */
  async function startAnew(asleep: Asleep, signal: AbortSignal): Promise<void> {
    await engine.stop(asleep.id, stopGraceSeconds, signal)
    await engine.start(asleep.id, signal)
    await tell(asleep, signal)
  }

  async function wakeRunning(asleep: Asleep, signal: AbortSignal): Promise<void> {
    const admin = await address(asleep, signal)
    const answer = await askState(admin, answerWithinMs, signal)
    if (answer.kind === 'answered' && isOurs(answer, asleep)) {
      if (await bringUpToDate(admin, answer.state, { clock, signal })) return
    } else if (answer.kind === 'refused') {
      // It was started without us, and waits.
      const told = await tell(asleep, signal).then(
        () => true,
        (error: unknown) => notHung(error),
      )
      if (told) return
    }
    await startAnew(asleep, signal)
  }

  return async (asleep, signal) => {
    if (asleep.state === 'paused') await engine.unpause(asleep.id, signal)
    if (asleep.state === 'running' || asleep.state === 'paused') await wakeRunning(asleep, signal)
    else await startAnew(asleep, signal)
  }
}

function notHung(error: unknown): false {
  if (error instanceof DriverError && error.reason === 'LauncherHung') return false
  throw error
}

function isOurs(answer: AdminAnswer, { instance }: Asleep): boolean {
  return (
    answer.kind === 'answered' && answer.state.uid === instance.uid && answer.state.fleet === instance.fleet
  )
}

function bootstrapOf({ instance, credentials }: Asleep, { runtimeUrl }: ContainerPolicy): LauncherBootstrap {
  const { uid, fleet, spec } = instance
  return {
    uid,
    name: spec.name,
    fleet,
    runtimeUrl,
    runtimeToken: credentials.runtimeToken.reveal(),
    adminToken: credentials.adminToken.reveal(),
    adminHost: '0.0.0.0',
    adminPort: nodeRedPort + adminPortOffset,
    stack: stackFolder,
    node: nodeProgram,
    versions: { nodeRed: spec.stack.nodeRed, node: String(spec.stack.node) },
  }
}
