import { posix } from 'node:path'
import { bracketDepth } from './nesting.ts'
import { digestOf, type Digest } from '../model/digest.ts'
import type { Json } from '../model/json.ts'

/** Far deeper than any editor exports, and far less than what exhausts the stack. */
const maxDepth = 200

export type FlowsFile =
  | { readonly kind: 'flows'; readonly digest: Digest; readonly text: string }
  | { readonly kind: 'invalid'; readonly message: string }

/** Reads a flows file in Node-RED's export format: a JSON list of nodes, each with an id and a type. */
export function parseFlows(bytes: Uint8Array): FlowsFile {
  const text = new TextDecoder('utf-8').decode(bytes)
  if (bracketDepth(text) > maxDepth)
    return { kind: 'invalid', message: `nested deeper than ${maxDepth} levels` }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    return {
      kind: 'invalid',
      message: `not JSON: ${error instanceof Error ? error.message.slice(0, 120) : ''}`,
    }
  }
  if (!Array.isArray(value)) return { kind: 'invalid', message: 'not a list of nodes' }
  const wrong = value.findIndex((node) => !isNode(node))
  if (wrong >= 0) return { kind: 'invalid', message: `entry ${wrong} has no id and type` }
  const nodes: readonly Json[] = value
  return { kind: 'flows', digest: digestOf(nodes), text }
}

function isNode(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    'id' in value &&
    typeof value.id === 'string' &&
    'type' in value &&
    typeof value.type === 'string'
  )
}

/**
 * Where a path that a manifest names leads, relative to the source path; undefined when it leads out. The text itself
 * is judged, never the disk, so that the answer does not tell what exists outside.
 */
export function pathInside(manifest: string, path: string): string | undefined {
  if (path.startsWith('/') || path.startsWith('~') || /[\\\p{Cc}]|%2e|%2f/iu.test(path)) return undefined
  const joined = posix.normalize(posix.join(posix.dirname(manifest), path))
  return joined === '..' || joined.startsWith('../') || posix.isAbsolute(joined) ? undefined : joined
}
