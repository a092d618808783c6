import { randomUUID } from 'node:crypto'
import { digestOf } from '../../reconciler/model/digest.ts'
import type { Credentials, PlacedInstance } from '../../reconciler/model/placed-instance.ts'
import type { ResolvedInstance } from '../../reconciler/model/resource.ts'
import { Secret } from '../../reconciler/model/secret.ts'

/** A resolved instance with nothing special about it, but for what a test says. */
export function resolvedInstance(name: string, more: Partial<ResolvedInstance> = {}): ResolvedInstance {
  return {
    name,
    team: 'assembly',
    driver: 'localfs',
    state: 'running',
    stack: { nodeRed: '5.0.7', node: 24 },
    hostnames: [],
    resources: { memory: '256Mi' },
    env: {},
    modules: {},
    editor: { enabled: true, title: name },
    endpoints: { access: 'members' },
    access: {},
    ...more,
  }
}

export function placeInstance(request: {
  readonly fleet: string
  readonly port: number
  readonly uid?: string
  readonly spec?: Partial<ResolvedInstance>
}): PlacedInstance {
  const spec = resolvedInstance('press-line', request.spec)
  return {
    uid: request.uid ?? randomUUID(),
    fleet: request.fleet,
    port: request.port,
    spec,
    settings: digestOf(JSON.stringify({ ...spec, state: undefined })),
  }
}

/** Tokens that can be looked for: nothing but the instance's own files may hold them. */
export function makeCredentials({ uid }: { readonly uid: string }, runtimeUrl: string): Credentials {
  return {
    runtimeUrl,
    runtimeToken: new Secret(`canary-runtime-${uid}`),
    adminToken: new Secret(`canary-admin-${uid}`),
  }
}
