/** A file of a source; equal ids mean equal content. Size in bytes. */
export interface File {
  readonly path: string
  readonly id: string
  readonly size: number
}

export interface Reader {
  read(files: readonly File[], signal: AbortSignal): Promise<ReadonlyMap<string, Uint8Array>>
}

/** By path: what `parse` makes of each file. Remembers by id what the last call asked for, and nothing older. */
export type BlobCache<T> = (
  files: readonly File[],
  reader: Reader,
  signal: AbortSignal,
) => Promise<ReadonlyMap<string, T>>

/** Parses every blob once, so that a new revision costs only what it changed. */
export function createBlobCache<T>(parse: (bytes: Uint8Array) => T): BlobCache<T> {
  let known: ReadonlyMap<string, T> = new Map()
  return async (files, reader, signal) => {
    const missing = files.filter(({ id }) => !known.has(id))
    const contents = missing.length === 0 ? new Map<string, Uint8Array>() : await reader.read(missing, signal)
    const next = new Map<string, T>()
    const result = new Map<string, T>()
    for (const { path, id } of files) {
      const value = next.get(id) ?? known.get(id) ?? parse(contentOf(contents, id, path))
      next.set(id, value)
      result.set(path, value)
    }
    known = next
    return result
  }
}

function contentOf(contents: ReadonlyMap<string, Uint8Array>, id: string, path: string): Uint8Array {
  const bytes = contents.get(id)
  if (bytes === undefined) throw new Error(`the source did not return ${path}`)
  return bytes
}
