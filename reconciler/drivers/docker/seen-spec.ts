import { defined } from '../../model/defined.ts'
import { majorOf } from '../launcher/facts.ts'
import { labels, proxyVariables, type ContainerSpec } from './container-spec.ts'
import type { Inspected } from './engine-schema.ts'

/** A container as the engine describes it, in the words it would be made with. Pure. */
export function seenSpec({ Name, Config, HostConfig, Mounts, NetworkSettings }: Inspected): ContainerSpec {
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
    cpu: HostConfig.NanoCpus / 1e6,
    restart: HostConfig.RestartPolicy.Name,
    stopGrace: Config.StopTimeout ?? engineStopGrace,
    log: { driver: HostConfig.LogConfig.Type, ...HostConfig.LogConfig.Config },
    networks: Object.keys(NetworkSettings.Networks).toSorted(),
    hosts: HostConfig.ExtraHosts ?? [],
    ports: Object.keys(HostConfig.PortBindings ?? {}).toSorted(),
    privileges: privilegesOf(HostConfig),
  }
}

/** By the labels of its image, which a container takes over. */
function stackOf(all: { readonly [name: string]: string }): ContainerSpec['stack'] {
  const node = majorOf(all['weir.node'] ?? '')
  return defined({ nodeRed: all['weir.node-red'] || undefined, node: Number.isNaN(node) ? undefined : node })
}

/** What the engine gives a container that says nothing, in seconds. */
const engineStopGrace = 10

function privilegesOf(host: Inspected['HostConfig']): readonly string[] {
  return [
    ...(host.CapDrop ?? []).map((capability) => `drop ${capability}`).toSorted(),
    ...(host.CapAdd ?? []).map((capability) => `add ${capability}`).toSorted(),
    ...(host.SecurityOpt ?? []).toSorted(),
    ...(host.Privileged ? ['privileged'] : []),
  ]
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
