import { ConfigError, type Config } from './config.ts'
import type { DockerConfig } from './docker-config.ts'
import { connectEngine } from './drivers/docker/connection.ts'
import { createDockerDriver } from './drivers/docker/docker-driver.ts'
import { nodeRedPort } from './drivers/docker/image-contract.ts'
import type { Driver } from './drivers/driver.ts'
import { createLocalfsDriver } from './drivers/localfs/localfs-driver.ts'
import type { Fields } from './model/fields.ts'
import { reachableUrl } from './model/reachable.ts'
import type { DriverName } from './model/resource.ts'
import type { Seat } from './model/seat.ts'
import type { Secret } from './model/secret.ts'
import { derive, type FleetKey } from './secrets/fleet-key.ts'
import { systemClock } from './telemetry/clock.ts'
import type { Logger } from './telemetry/logger.ts'
import type { Metrics } from './telemetry/metrics.ts'

/** What comes from outside the configuration: the process and its surroundings. */
export interface Surroundings {
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly log: Logger
  /** Ends everything that was composed. */
  readonly signal: AbortSignal
  readonly metrics: Metrics
  /** The launcher's program. */
  readonly launcher: string
  /** In place of the drivers of this machine: an engine in memory, for fleets larger than it can run. */
  readonly drivers?: (fleet: string) => ReadonlyMap<DriverName, Driver>
}

/** Node.js flags that keep a launcher small: it does little, and optimizing that takes more memory than it is worth. */
export const launcherFlags = [
  '--max-semi-space-size=1',
  '--v8-pool-size=0',
  '--optimize-for-size',
  '--no-opt',
  '--no-maglev',
  '--compact-on-every-full-gc',
]

export function composeDrivers(
  config: Config,
  fleet: string,
  surroundings: Surroundings,
  adminTokenOf: (uid: string) => Secret,
): ReadonlyMap<DriverName, Driver> {
  if (surroundings.drivers !== undefined) return surroundings.drivers(fleet)
  const localfs = composeLocalfs(config, fleet, surroundings)
  const docker = composeDocker(config, fleet, surroundings, adminTokenOf)
  return new Map<DriverName, Driver>([
    ['localfs', localfs],
    ...(docker === undefined ? [] : [['docker', docker] as const]),
  ])
}

/** The names of what `composeDrivers` makes. */
export function configuredDrivers({ docker }: Pick<Config, 'docker'>): readonly DriverName[] {
  return docker === undefined ? ['localfs'] : ['localfs', 'docker']
}

function composeLocalfs(config: Config, fleet: string, { environment, log, launcher }: Surroundings): Driver {
  return createLocalfsDriver({
    data: config.data,
    fleet,
    host: config.localfs.host,
    allowInstallScripts: config.localfs.allowInstallScripts,
    configured: signInFields(config),
    launcher: { program: launcher, nodeFlags: launcherFlags },
    npm: 'npm',
    machine: {
      program: process.execPath,
      version: process.version,
      platform: process.platform,
      arch: process.arch,
    },
    environment,
    clock: systemClock,
    log,
  })
}

function composeDocker(
  { docker, ...config }: Config,
  fleet: string,
  { log }: Surroundings,
  adminTokenOf: (uid: string) => Secret,
): Driver | undefined {
  if (docker === undefined) return undefined
  return createDockerDriver({
    fleet,
    docker: connect(docker),
    policy: docker,
    pull: docker.pull,
    registries: docker.registries,
    allowInstallScripts: docker.allowInstallScripts,
    configured: signInFields(config),
    adminTokenOf,
    clock: systemClock,
    log,
  })
}

/** @throws ConfigError where a file of TLS cannot be read. */
function connect({ engine }: DockerConfig): ReturnType<typeof connectEngine> {
  try {
    return connectEngine(engine)
  } catch (error) {
    throw new ConfigError([`docker.tls: ${error instanceof Error ? error.message : String(error)}`])
  }
}

function signInFields({ identity, routing }: Pick<Config, 'identity' | 'routing'>): Fields {
  const { issuer, sessionHours } = identity
  return {
    'identity.issuer': issuer,
    'identity.sessionHours': sessionHours,
    'routing.scheme': routing.scheme,
    'routing.port': routing.port ?? null,
  }
}

/** Where the instances of each driver stand. */
export type Seats = { readonly localfs: Seat } & Readonly<Partial<Record<DriverName, Seat>>>

type Places = Pick<Config, 'listen' | 'localfs' | 'docker' | 'routing'>

export function seatsOf({ listen, localfs, docker, routing }: Places): Seats {
  return {
    localfs: { runtimeUrl: reachableUrl(listen.host, listen.port), ...localfs, routing },
    ...(docker === undefined
      ? {}
      : {
          docker: {
            host: '0.0.0.0',
            port: nodeRedPort,
            routing,
            allowInstallScripts: docker.allowInstallScripts,
            runtimeUrl: docker.runtimeUrl,
          },
        }),
  }
}

/** What proves the reconciler to the launcher of each instance. */
export function adminTokensFrom(key: FleetKey): (uid: string) => Secret {
  return (uid) => derive(key, 'admin-token', uid)
}
