import { isDeepStrictEqual } from 'node:util'
import type { Fields } from '../../model/fields.ts'
import type { Json } from '../../model/json.ts'
import { labels, type ContainerSpec } from './container-spec.ts'

/** How the engine brings a change about: in the container that is there, or by another in its place. */
export type Way = 'rename' | 'limits' | 'networks' | 'replace'

export interface Difference {
  readonly field: keyof ContainerSpec
  readonly way: Way
}

/** How each field can be changed. */
const ways: { readonly [field in keyof ContainerSpec]: Way } = {
  name: 'rename',
  labels: 'replace',
  image: 'replace',
  stack: 'replace',
  env: 'replace',
  user: 'replace',
  readOnly: 'replace',
  tmpfs: 'replace',
  volumes: 'replace',
  memory: 'limits',
  swap: 'limits',
  pids: 'limits',
  otherLimits: 'replace',
  cpu: 'limits',
  restart: 'limits',
  stopGrace: 'replace',
  log: 'replace',
  networks: 'networks',
  aliases: 'networks',
  dns: 'replace',
  hosts: 'replace',
  ports: 'replace',
  privileges: 'replace',
  overrides: 'replace',
}

/** In the order that they are brought about in: the name last, which says that a container is as wanted. */
const fields = [
  'image',
  'stack',
  'labels',
  'env',
  'user',
  'readOnly',
  'tmpfs',
  'volumes',
  'stopGrace',
  'log',
  'hosts',
  'ports',
  'privileges',
  'overrides',
  'dns',
  'otherLimits',
  'memory',
  'swap',
  'pids',
  'cpu',
  'restart',
  'networks',
  'aliases',
  'name',
] as const satisfies readonly (keyof ContainerSpec)[]

/** Field by field, what makes a container another than it is to be. Pure. */
export function compareContainers(wanted: ContainerSpec, seen: ContainerSpec): readonly Difference[] {
  return fields
    .filter((field) => !isDeepStrictEqual(comparable(wanted, field), comparable(seen, field)))
    .map((field) => ({ field, way: wayOf(wanted, field) }))
}

/** A limit can be changed but not lifted: the engine takes 0 for "as it is". */
function wayOf(wanted: ContainerSpec, field: keyof ContainerSpec): Way {
  const limit = field === 'swap' ? 'memory' : field
  return (limit === 'memory' || limit === 'cpu') && wanted[limit] === 0 ? 'replace' : ways[field]
}

/** Labels cannot be changed, and the name it was created with is no reason to replace a container. */
function comparable(spec: ContainerSpec, field: keyof ContainerSpec): unknown {
  return field === 'labels' ? { ...spec.labels, [labels.name]: '' } : spec[field]
}

/** The same as facts of an observation, so that a plan shows field by field what drifted. Pure. */
export function containerFacts(spec: ContainerSpec): Fields {
  const { [labels.name]: _, ...compared } = spec.labels
  const facts = fields
    .filter((field) => field !== 'stack')
    .map((field): [string, Json] => [`container.${field}`, field === 'labels' ? compared : spec[field]])
  const { nodeRed = null, node = null } = spec.stack
  return { 'stack.nodeRed': nodeRed, 'stack.node': node, ...Object.fromEntries(facts) }
}
