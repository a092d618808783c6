import { digestOf, type Digest } from './digest.ts'

/** A node of a flow as far as it is compared and told: what is in it stands in the digest alone. */
export interface FlowNode {
  readonly id: string
  readonly type: string
  readonly name?: string
  /** Of the node in canonical form. */
  readonly digest: Digest
}

/** Nodes in Node-RED's export format, in their order. What is no node is left out. */
export function flowNodes(nodes: readonly unknown[]): readonly FlowNode[] {
  return nodes.flatMap((node) => {
    if (typeof node !== 'object' || node === null) return []
    const { id, type, name, label }: Readonly<Record<string, unknown>> = { ...node }
    if (typeof id !== 'string' || typeof type !== 'string') return []
    const shown = [name, label].find((text) => typeof text === 'string' && text !== '')
    return [{ id, type, ...(typeof shown === 'string' ? { name: shown } : {}), digest: digestOf(node) }]
  })
}
