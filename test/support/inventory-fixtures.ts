import type { Applied } from '../../reconciler/model/inventory.ts'
import { resolvedInstance } from './make-instance.ts'

export function applied(name: string, more: Partial<Applied> = {}): Applied {
  return {
    spec: resolvedInstance(name),
    expected: { state: 'running', 'modules.node-red-contrib-x': '1.0.0' },
    revision: 'a'.repeat(40),
    at: '2026-01-02T03:04:05.000Z',
    ...more,
  }
}
