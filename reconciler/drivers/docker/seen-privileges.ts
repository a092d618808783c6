import { isDeepStrictEqual } from 'node:util'
import { proxyVariables } from './container-spec.ts'
import type { Inspected } from './engine-schema.ts'

type HostConfig = Inspected['HostConfig']

/** What a container may do, and what it shares with the machine. Pure. */
export function privilegesOf(host: HostConfig): readonly string[] {
  return [
    ...marked('drop', host.CapDrop),
    ...marked('add', host.CapAdd),
    ...(host.SecurityOpt ?? []).toSorted(),
    ...(host.Privileged ? ['privileged'] : []),
    ...sharedNamespaces(host),
    ...marked('group', host.GroupAdd),
    ...marked(
      'device',
      host.Devices?.map(({ PathOnHost }) => PathOnHost),
    ),
    ...marked('device rule', host.DeviceCgroupRules),
    ...marked(
      'device request',
      host.DeviceRequests?.map(({ Driver }) => Driver),
    ),
    ...(host.MaskedPaths?.length === 0 ? ['paths unmasked'] : []),
  ]
}

function marked(mark: string, values: readonly string[] | null | undefined): readonly string[] {
  return (values ?? []).map((value) => `${mark} ${value}`).toSorted()
}

/** Of the modes for communication between processes, which one is the default is a setting of the engine. */
function sharedNamespaces({ PidMode, IpcMode, UTSMode, UsernsMode }: HostConfig): readonly string[] {
  const ipc = /^(?:host|container:)/.test(IpcMode ?? '') ? IpcMode : ''
  return Object.entries({ pid: PidMode, ipc, uts: UTSMode, userns: UsernsMode })
    .filter(([, mode]) => (mode ?? '') !== '')
    .map(([namespace, mode]) => `${namespace} ${mode}`)
}

/** The names of limits that no declaration sets, each with its value. Pure. */
export function otherLimitsOf(host: HostConfig): readonly string[] {
  const all = {
    'blkio-weight': host.BlkioWeight,
    'cpu-period': host.CpuPeriod,
    'cpu-quota': host.CpuQuota,
    'cpu-shares': host.CpuShares,
    'cpuset-cpus': host.CpusetCpus,
    'cpuset-mems': host.CpusetMems,
    'memory-reservation': host.MemoryReservation,
  }
  return Object.entries(all)
    .filter(([, value]) => value !== undefined && value !== 0 && value !== '')
    .map(([name, value]) => `${name} ${value}`)
}

/** What of a container is not as its image has it; of variables only the name, since what people put there may be secret. Pure. */
export function overridesOf({ Config, FromImage }: Inspected): readonly string[] {
  if (FromImage === undefined) return []
  const given = new Set(FromImage.Env ?? [])
  const foreign = (Config.Env ?? [])
    .filter((entry) => !given.has(entry))
    .map((entry) => entry.replace(/=.*$/s, ''))
    .filter((name) => !proxyVariables.test(name))
  const others = (['Entrypoint', 'Cmd', 'Healthcheck'] as const).filter(
    (field) => !isDeepStrictEqual(Config[field] ?? null, FromImage[field] ?? null),
  )
  return [...foreign.map((name) => `env ${name}`).toSorted(), ...others.map((name) => name.toLowerCase())]
}
