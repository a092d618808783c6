import { defined } from '../../model/defined.ts'
import { majorOf } from '../launcher/facts.ts'
import { labels, proxyVariables, type ContainerSpec } from './container-spec.ts'
import type { Inspected } from './engine-schema.ts'
import { otherLimitsOf, overridesOf, privilegesOf } from './seen-privileges.ts'

/** A container as the engine describes it, in the words it would be made with. Pure. */
export function seenSpec(inspected: Inspected): ContainerSpec {
  const { Name, Config, HostConfig, Mounts, NetworkSettings } = inspected
  const ours = new Set<string>(Object.values(labels))
  return {
    name: Name.replace(/^\//, ''),
    labels: picked(Config.Labels, (label) => ours.has(label)),
    image: Config.Image,
    stack: stackOf(Config.Labels ?? {}),
    env: picked(variables(Config.Env), (name) => proxyVariables.test(name)),
    user: Config.User,
    readOnly: HostConfig.ReadonlyRootfs,
    tmpfs: HostConfig.Tmpfs ?? {},
    volumes: Object.fromEntries(Mounts.map(({ Name, Source, Destination }) => [Destination, Name ?? Source])),
    memory: HostConfig.Memory,
    swap: swapOf(HostConfig),
    pids: Math.max(HostConfig.PidsLimit ?? 0, 0),
    otherLimits: otherLimitsOf(HostConfig),
    cpu: HostConfig.NanoCpus / 1e6,
    restart: HostConfig.RestartPolicy.Name,
    stopGrace: Config.StopTimeout ?? engineStopGrace,
    log: { driver: HostConfig.LogConfig.Type, ...HostConfig.LogConfig.Config },
    networks: Object.keys(NetworkSettings.Networks).toSorted(),
    aliases: aliasesOf(inspected),
    dns: [HostConfig.Dns, HostConfig.DnsOptions, HostConfig.DnsSearch].flatMap((each) => each ?? []),
    hosts: HostConfig.ExtraHosts ?? [],
    ports: Object.keys(HostConfig.PortBindings ?? {}).toSorted(),
    privileges: privilegesOf(HostConfig),
    overrides: overridesOf(inspected),
  }
}

/** By the labels of its image, which a container takes over. */
function stackOf(all: { readonly [name: string]: string }): ContainerSpec['stack'] {
  const node = majorOf(all['weir.node'] ?? '')
  return defined({ nodeRed: all['weir.node-red'] || undefined, node: Number.isNaN(node) ? undefined : node })
}

/** What the engine gives a container that says nothing, in seconds. */
const engineStopGrace = 10

/** Beside the memory. The engine says the sum, and nothing where it gives as much swap as memory. */
function swapOf({ Memory, MemorySwap = 0 }: Inspected['HostConfig']): number {
  if (Memory === 0) return 0
  return MemorySwap === 0 ? Memory : MemorySwap === -1 ? -1 : MemorySwap - Memory
}

/** The engine adds the container's own id, and may add its name. */
function aliasesOf({ Id, Name, NetworkSettings }: Inspected): readonly string[] {
  const own = new Set([Id.slice(0, 12), Name.replace(/^\//, '')])
  return Object.entries(NetworkSettings.Networks)
    .flatMap(([network, { Aliases }]) =>
      (Aliases ?? []).filter((alias) => !own.has(alias)).map((alias) => `${network} ${alias}`),
    )
    .toSorted()
}

function variables(env: readonly string[] | null): { readonly [name: string]: string } {
  return Object.fromEntries(
    (env ?? []).map((entry) => {
      const at = entry.indexOf('=')
      return at < 0 ? [entry, ''] : [entry.slice(0, at), entry.slice(at + 1)]
    }),
  )
}

function picked(
  all: { readonly [name: string]: string } | null,
  wanted: (name: string) => boolean,
): { readonly [name: string]: string } {
  return Object.fromEntries(Object.entries(all ?? {}).filter(([name]) => wanted(name)))
}
