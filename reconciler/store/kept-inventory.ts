import type { InventoryEntry } from '../model/inventory.ts'

/** Reads entries: all of them, or those with these uids. */
export type ReadEntries = (uids?: readonly string[]) => Promise<readonly InventoryEntry[]>

export interface KeptInventory {
  /** In the order of names. An entry that did not change is the same object as before. */
  inventory(): Promise<readonly InventoryEntry[]>
  /** Runs what changes the entry; afterwards it is read again. */
  changing<T>(uid: string, write: () => Promise<T>): Promise<T>
}

/** As many as one query names. */
const atOnce = 500

/**
 * The inventory as it was last read. For the one process that writes it: whatever that did not change needs no second
 * reading, which is most of what a round over thousands of instances would read.
 */
export function keepInventory(read: ReadEntries): KeptInventory {
  let known: ReadonlyMap<string, InventoryEntry> | undefined
  let sorted: readonly InventoryEntry[] = []
  let reading: Promise<unknown> = Promise.resolve()
  const changed = new Set<string>()

  async function refresh(): Promise<void> {
    if (known !== undefined && changed.size === 0) return
    const uids = [...changed]
    changed.clear()
    try {
      const next = new Map(known)
      for (const uid of uids) next.delete(uid)
      for (const entry of await readAnew(read, known === undefined ? undefined : uids))
        next.set(entry.uid, entry)
      known = next
      sorted = inOrder([...next.values()])
    } catch (error) {
      for (const uid of uids) changed.add(uid)
      throw error
    }
  }

  return {
    inventory: async () => {
      // One reading after the other: an older one must not end last.
      const mine = reading.then(refresh)
      reading = mine.catch(() => undefined)
      await mine
      return sorted
    },
    changing: async (uid, write) => {
      try {
        return await write()
      } finally {
        changed.add(uid)
      }
    },
  }
}

/** By name, character by character: databases sort by the rules of a language. */
export function inOrder(entries: readonly InventoryEntry[]): readonly InventoryEntry[] {
  return entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))
}

async function readAnew(read: ReadEntries, uids: readonly string[] | undefined): Promise<InventoryEntry[]> {
  if (uids === undefined) return [...(await read())]
  const entries: InventoryEntry[] = []
  for (let at = 0; at < uids.length; at += atOnce) entries.push(...(await read(uids.slice(at, at + atOnce))))
  return entries
}
