import type Docker from 'dockerode'
import type { Logger } from 'pino'
import type { RegistryAccount } from '../../model/engine-address.ts'
import type { Fields } from '../../model/fields.ts'
import type { Secret } from '../../model/secret.ts'
import type { Clock } from '../../telemetry/clock.ts'
import type { Driver } from '../driver.ts'
import type { ContainerPolicy } from './container-spec.ts'
import { createConnectionLoss } from './connection-loss.ts'
import { dockerEffects } from './effects.ts'
import { createEngine } from './engine.ts'
import { containerEvents } from './events.ts'
import { createImagePulls } from './image-pulls.ts'
import { createInspections } from './inspections.ts'
import { createContainerLifecycle } from './lifecycle.ts'
import { containerReads } from './reads.ts'
import { expectedFields, observeContainers, withPulling } from './observe.ts'
import { createWake } from './wake-launcher.ts'

export interface DockerOptions {
  readonly fleet: string
  readonly docker: Docker
  readonly policy: ContainerPolicy
  /** Whether modules may run their install scripts. */
  readonly allowInstallScripts: boolean
  /** What else the configuration gives every instance, by the path it has there. */
  readonly configured?: Fields
  /** Whether an image that the engine does not have is pulled. */
  readonly pull?: 'never' | 'missing'
  /** Who we are to registries; to others we are nobody in particular. */
  readonly registries?: readonly RegistryAccount[]
  /** What proves the reconciler to the launcher of an instance. */
  readonly adminTokenOf: (uid: string) => Secret
  readonly clock: Clock
  readonly log: Pick<Logger, 'info' | 'warn'>
}

/** Brings instances about as containers of a Docker Engine. */
export function createDockerDriver(options: DockerOptions): Driver {
  const { fleet, docker, policy, clock, log, adminTokenOf } = options
  const loss = createConnectionLoss()
  const engine = createEngine(docker, loss.tell)
  const inspections = createInspections(engine)
  const wake = createWake({ engine, policy, clock })
  const pulls = createImagePulls({ engine, registries: options.registries ?? [], clock, log })
  const lifecycle = createContainerLifecycle({
    fleet,
    policy,
    engine,
    pulls: options.pull === 'missing' ? pulls : undefined,
    wake,
    clock,
    log,
  })
  const isChanging = (uid: string) => lifecycle.isChanging(uid)
  const uids = new Map<string, string>()
  const mute = new Set<string>()
  const closing = new AbortController()
  const whileOpen = (signal: AbortSignal) => AbortSignal.any([signal, closing.signal])
  const reads = containerReads({ fleet, policy, engine, adminTokenOf })

  return {
    name: 'docker',
    effects: dockerEffects,
    configured: {
      'docker.network': policy.network,
      'docker.image': policy.image,
      'docker.runtimeUrl': policy.runtimeUrl,
      'docker.log': policy.log,
      'docker.allowInstallScripts': options.allowInstallScripts,
      ...options.configured,
    },
    expected: (instance) => expectedFields(instance, policy),
    observe: async (signal) => {
      const parts = { fleet, policy, engine, inspections, uids, adminTokenOf, clock, mute }
      return withPulling(await observeContainers(parts, whileOpen(signal)), pulls.waiting())
    },
    create: async (instance, credentials, signal) =>
      lifecycle.ensure(instance, credentials, whileOpen(signal)),
    update: async (_before, instance, credentials, signal) =>
      lifecycle.ensure(instance, credentials, whileOpen(signal)),
    withdraw: async (uid, signal) => reads.withdraw(uid, whileOpen(signal)),
    remove: async (uid, signal) => lifecycle.remove(uid, whileOpen(signal)),
    logs: (uid, logOptions, signal) => reads.logs(uid, logOptions, whileOpen(signal)),
    logPage: async (uid, pageOptions, signal) => reads.logPage(uid, pageOptions, whileOpen(signal)),
    samples: async (uid, since, signal) => reads.samples(uid, since, whileOpen(signal)),
    events: (signal) =>
      pulls.alongside(
        containerEvents(
          { docker, fleet, inspections, uids, isChanging, loss, clock, log },
          whileOpen(signal),
        ),
      ),
    async [Symbol.asyncDispose]() {
      closing.abort()
      await Promise.all([pulls[Symbol.asyncDispose](), lifecycle.settled()])
    },
  }
}
