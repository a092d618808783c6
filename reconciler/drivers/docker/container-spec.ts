import type { PlacedInstance } from '../../model/placed-instance.ts'
import { parseCpu, parseMemory } from '../../model/quantity.ts'
import type { ResolvedInstance } from '../../model/resource.ts'
import { tagged } from './image-name.ts'
import { dataFolder, nodeRedPort, runtimeFolder, user } from './image-contract.ts'

/** What the configuration says of every container. */
export interface ContainerPolicy {
  /** The network that containers are in. */
  readonly network: string
  /** The repository of the image where a stack names none; its tag is the version of Node-RED. */
  readonly image: string
  /** Where containers reach the runtime door. */
  readonly runtimeUrl: string
  /** Limits of the engine's own log of a container: the size of a file, such as `10m`, and their number. */
  readonly log: { readonly maxSize: string; readonly maxFiles: number }
}

/** A container as it is made, and as it is found: every field can be compared with `isDeepStrictEqual`. */
export interface ContainerSpec {
  readonly name: string
  /** Ours alone. */
  readonly labels: Texts
  readonly image: string
  /** What the image says it holds: the version of Node-RED, and the major one of Node.js; absent where it says nothing. */
  readonly stack: { readonly nodeRed?: string; readonly node?: number }
  /** What a proxy reads. Everything else that an instance is told comes by the runtime door. */
  readonly env: Texts
  readonly user: string
  readonly readOnly: boolean
  /** Options by mount point. */
  readonly tmpfs: Texts
  /** Names of volumes, or folders of the machine, by mount point. */
  readonly volumes: Texts
  /** In bytes; 0: no limit. */
  readonly memory: number
  /** Swap beside it, in bytes; -1: no limit. */
  readonly swap: number
  /** Processes and threads; 0: no limit. */
  readonly pids: number
  /** Limits that nobody can declare. */
  readonly otherLimits: readonly string[]
  /** In thousandths of a core; 0: no limit. */
  readonly cpu: number
  readonly restart: string
  /** How long it may take to end, in seconds. */
  readonly stopGrace: number
  readonly log: Texts & { readonly driver: string }
  readonly networks: readonly string[]
  /** Further names that it has in a network, as `NETWORK NAME`. */
  readonly aliases: readonly string[]
  /** Servers, options and domains for names. */
  readonly dns: readonly string[]
  /** Further names of hosts, as `NAME:ADDRESS`. */
  readonly hosts: readonly string[]
  /** Published ports, as `1880/tcp`. */
  readonly ports: readonly string[]
  readonly privileges: readonly string[]
  /** What is not as the image has it. */
  readonly overrides: readonly string[]
}

interface Texts {
  readonly [name: string]: string
}

/** Labels that a container, volume or network is to carry. */
export type Labels = Texts

export const labels = {
  fleet: 'weir.fleet',
  uid: 'weir.uid',
  /** The name it was created with; that of now stands in the name of the container, which can be changed. */
  name: 'weir.name',
  runtime: 'weir.runtime',
} as const

/** A launcher ends itself and its Node-RED within 10 s of SIGTERM. */
const stopGraceSeconds = 15

/** The container of an instance. Pure, and without secrets: whoever may ask the engine may read all of it. */
export function containerSpec({ uid, fleet, spec }: PlacedInstance, policy: ContainerPolicy): ContainerSpec {
  return {
    name: containerName(spec.name, uid),
    labels: {
      [labels.fleet]: fleet,
      [labels.uid]: uid,
      [labels.name]: spec.name,
      [labels.runtime]: policy.runtimeUrl,
    },
    image: tagged(spec.stack.image ?? `${policy.image}:${spec.stack.nodeRed}`),
    stack: { nodeRed: spec.stack.nodeRed, node: spec.stack.node },
    env: proxyEnvironment(spec),
    user: `${user}:${user}`,
    readOnly: true,
    tmpfs: {
      [runtimeFolder]: `rw,noexec,nosuid,nodev,size=64k,mode=0700,uid=${user},gid=${user}`,
      '/tmp': 'rw,noexec,nosuid,nodev,size=64m,mode=1777',
    },
    volumes: { [dataFolder]: volumeName(uid) },
    memory: spec.resources.memory === undefined ? 0 : parseMemory(spec.resources.memory),
    swap: 0,
    pids: 0,
    otherLimits: [],
    cpu: spec.resources.cpu === undefined ? 0 : parseCpu(spec.resources.cpu),
    restart: 'unless-stopped',
    stopGrace: stopGraceSeconds,
    log: {
      driver: 'json-file',
      'max-size': policy.log.maxSize,
      'max-file': String(policy.log.maxFiles),
    },
    networks: [policy.network],
    aliases: [],
    dns: [],
    hosts: [`${gatewayName}:host-gateway`],
    ports: [],
    privileges: ['drop ALL', 'no-new-privileges'],
    overrides: [],
  }
}

/** What containers know the machine of their engine by. */
export const gatewayName = 'host.docker.internal'

/** Unlike the uid, which is the identity, it is for people and for name resolution on the network. */
export function containerName(instance: string, uid: string): string {
  return `weir-${instance}-${uid.slice(0, uidDigits)}`
}

/** The instance in a container's name; undefined where it has been given another. */
export function instanceIn(container: string, uid: string): string | undefined {
  const end = `-${uid.slice(0, uidDigits)}`
  return container.startsWith('weir-') && container.endsWith(end)
    ? container.slice('weir-'.length, -end.length)
    : undefined
}

const uidDigits = 8

export function volumeName(uid: string): string {
  return `weir-${uid}`
}

export function isVolumeName(name: string): boolean {
  return /^[a-zA-Z0-9][\w.-]+$/.test(name)
}

/** Read by nginx-proxy and its companion for certificates (https://github.com/nginx-proxy). */
function proxyEnvironment({ hostnames }: ResolvedInstance): Texts {
  if (hostnames.length === 0) return {}
  const hosts = hostnames.join(',')
  return { VIRTUAL_HOST: hosts, VIRTUAL_PORT: String(nodeRedPort), LETSENCRYPT_HOST: hosts }
}

/** The variables that are ours; what else is there comes from the image. */
export const proxyVariables = /^(?:VIRTUAL|LETSENCRYPT)_/

/** The body of `POST /containers/create` (Docker Engine API 1.41). */
export function createBody(spec: ContainerSpec) {
  const { driver, ...logOptions } = spec.log
  return {
    Image: spec.image,
    Labels: spec.labels,
    Env: Object.entries(spec.env).map(([name, value]) => `${name}=${value}`),
    User: spec.user,
    StopTimeout: spec.stopGrace,
    HostConfig: {
      ...updateBody(spec),
      LogConfig: { Type: driver, Config: logOptions },
      Mounts: Object.entries(spec.volumes).map(([Target, Source]) => ({
        Type: 'volume' as const,
        Source,
        Target,
        // It may have vanished since it was made; the engine then makes it.
        VolumeOptions: { NoCopy: false, Labels: ownershipIn(spec), DriverConfig: { Name: '', Options: {} } },
      })),
      Tmpfs: spec.tmpfs,
      ReadonlyRootfs: spec.readOnly,
      NetworkMode: spec.networks[0],
      ExtraHosts: spec.hosts,
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges'],
    },
  }
}

function ownershipIn({ labels: all }: ContainerSpec): Texts {
  return Object.fromEntries(
    Object.entries(all).filter(([name]) => name === labels.fleet || name === labels.uid),
  )
}

/** The body of `POST /containers/{id}/update`. A limit of 0 says nothing there: the engine cannot lift one. */
export function updateBody({ memory, cpu, restart }: ContainerSpec) {
  return {
    ...(memory === 0 ? {} : { Memory: memory, MemorySwap: memory }),
    ...(cpu === 0 ? {} : { NanoCpus: cpu * 1e6 }),
    RestartPolicy: { Name: restart },
  }
}
