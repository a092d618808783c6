import type { Applied } from '../../reconciler/model/inventory.ts'
import type { ResolvedInstance } from '../../reconciler/model/resource.ts'

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

export function applied(name: string, more: Partial<Applied> = {}): Applied {
  return {
    spec: resolvedInstance(name),
    expected: { state: 'running', 'modules.node-red-contrib-x': '1.0.0' },
    revision: 'a'.repeat(40),
    at: '2026-01-02T03:04:05.000Z',
    ...more,
  }
}
