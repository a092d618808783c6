import type { Lease, LeaseRecord, LeaseVersion } from '../model/lease.ts'

/** The API server, as far as a lease needs it: a request, and the status and the JSON of its answer. */
export type LeaseApi = (
  request: { readonly method: 'GET' | 'POST' | 'PUT'; readonly path: string; readonly body?: unknown },
  signal: AbortSignal,
) => Promise<{ readonly status: number; readonly body: unknown }>

export interface KubernetesLeaseOptions {
  readonly api: LeaseApi
  readonly namespace: string
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly clock: { now(): Date }
}

/** The API server answers a lease with something else. It is asked again. */
export class LeaseAnswerError extends Error {
  constructor(status: number, why: string) {
    super(`the API server answered for the lease with ${status}: ${why}`)
    this.name = 'LeaseAnswerError'
  }
}

/**
 * The lease as an object of Kubernetes, with the fields that client-go gives it: the term is the number of transitions, and
 * its version the resourceVersion, over which the API server writes or answers 409.
 * https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/lease-v1/
 */
export function createKubernetesLease(options: KubernetesLeaseOptions): LeaseRecord {
  const { api, namespace, name, labels, clock } = options
  const all = `/apis/coordination.k8s.io/v1/namespaces/${encodeURIComponent(namespace)}/leases`
  const path = `${all}/${encodeURIComponent(name)}`
  const manifest = (lease: Lease, resourceVersion: string | undefined) => ({
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name, namespace, labels, ...(resourceVersion === undefined ? {} : { resourceVersion }) },
    spec: {
      holderIdentity: lease.holder,
      leaseDurationSeconds: Math.ceil(lease.duration / 1000),
      acquireTime: microTime(lease.since),
      renewTime: microTime(clock.now().toISOString()),
      leaseTransitions: lease.term,
    },
  })
  return {
    read: async (signal) => {
      const { status, body } = await api({ method: 'GET', path }, signal)
      return status === 404 ? undefined : toLease(status, body)
    },
    write: async (lease, over, signal) => {
      const method = over === undefined ? 'POST' : 'PUT'
      const request = { method, path: over === undefined ? all : path, body: manifest(lease, over) } as const
      const { status, body } = await api(request, signal)
      // 404: it was deleted meanwhile
      return status === 409 || (status === 404 && method === 'PUT') ? undefined : toLease(status, body)
    },
  }
}

/** The form with six digits of a second, which is the only one that it takes. */
function microTime(text: string): string {
  return text.replace(/\.(\d{3})Z$/, '.$1000Z')
}

/** What others left out (client-go writes none of it before the first holder) is what nobody holds. */
function toLease(status: number, body: unknown): LeaseVersion {
  if (status !== 200 && status !== 201) throw new LeaseAnswerError(status, textOf(body, 'message'))
  const [metadata, spec] = [recordIn(body, 'metadata'), recordIn(body, 'spec')]
  const version = textOf(metadata, 'resourceVersion')
  if (version === '') throw new LeaseAnswerError(status, 'it is no Lease')
  return {
    term: numberIn(spec, 'leaseTransitions'),
    holder: textOf(spec, 'holderIdentity'),
    since: textOf(spec, 'acquireTime'),
    duration: numberIn(spec, 'leaseDurationSeconds') * 1000,
    version,
  }
}

function recordIn(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null
    ? Object.entries(value).find(([name]) => name === key)?.[1]
    : undefined
}

function textOf(value: unknown, key: string): string {
  const found = recordIn(value, key)
  return typeof found === 'string' ? found : ''
}

function numberIn(value: unknown, key: string): number {
  const found = recordIn(value, key)
  return typeof found === 'number' ? found : 0
}
