import pLimit from 'p-limit'
import type { Engine } from './engine.ts'
import type { Inspected } from './engine-schema.ts'

const atOnce = 8
/** So many of those that were remembered are looked at again each time: an event that got lost costs time, not more. */
const again = 2

/** What containers looked like when they were inspected; remembered only while events tell of every change. */
export interface Inspections {
  of(ids: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, Inspected>>
  /** From now on events tell, or do not tell any more. */
  trust(told: boolean): void
  /** A container has changed. */
  forget(id: string): void
}

export function createInspections(engine: Pick<Engine, 'inspect'>): Inspections {
  /** The oldest first. */
  const known = new Map<string, Inspected>()
  /** Counts what was forgotten, so that an inspection which a change overtook is not remembered. */
  let changes = 0
  let trusted = false

  async function inspect(id: string, signal: AbortSignal): Promise<Inspected | undefined> {
    const before = changes
    const inspected = await engine.inspect(id, signal)
    known.delete(id)
    if (inspected !== undefined && trusted && changes === before) known.set(id, inspected)
    return inspected
  }

  return {
    async of(ids, signal) {
      const there = new Set(ids)
      for (const id of known.keys()) if (!there.has(id)) known.delete(id)
      const oldest = [...known.keys()].slice(0, again)
      const asked = new Set([...ids.filter((id) => !known.has(id)), ...oldest])
      const limit = pLimit(atOnce)
      const fresh = await Promise.all(
        [...asked].map((id) => limit(async () => [id, await inspect(id, signal)] as const)),
      )
      const found = new Map(known)
      for (const [id, inspected] of fresh) if (inspected !== undefined) found.set(id, inspected)
      return found
    },
    trust(told) {
      trusted = told
      changes += 1
      known.clear()
    },
    forget(id) {
      changes += 1
      known.delete(id)
    },
  }
}
