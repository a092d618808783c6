import { sha256 } from '../../reconciler/model/digest.ts'
import type { Snapshot } from '../../reconciler/source/source.ts'

/** A snapshot of the given files, as a source would return it. */
export function snapshotOf(files: Readonly<Record<string, string | Buffer>>, id?: string): Snapshot {
  const contents = new Map(Object.entries(files).map(([path, content]) => [path, Buffer.from(content)]))
  const listed = [...contents]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([path, bytes]) => ({ path, id: sha256(bytes), size: bytes.length }))
  const byId = new Map([...contents.values()].map((bytes) => [sha256(bytes), bytes]))
  return {
    revision: { kind: 'directory', id: id ?? sha256(JSON.stringify(listed)) },
    files: listed,
    skipped: [],
    read: async (wanted) =>
      new Map(
        wanted.flatMap(({ id }) => {
          const bytes = byId.get(id)
          return bytes === undefined ? [] : [[id, bytes]]
        }),
      ),
  }
}
