import type { Container } from 'dockerode'
import { Parser, type ReadEntry } from 'tar'

/**
 * The content of a file of a container, be it running or not; the engine reads in volumes, too
 * (`GET /containers/{id}/archive`, Docker Engine API 1.41). It is held in memory.
 */
export async function readFile(
  container: Container,
  path: string,
  abortSignal: AbortSignal,
): Promise<string> {
  const archive = await container.getArchive({ path, abortSignal })
  const contents: Promise<Buffer>[] = []
  const parser = new Parser({
    strict: true,
    onReadEntry: (entry: ReadEntry) => void contents.push(entry.concat()),
  })
  for await (const part of archive) {
    abortSignal.throwIfAborted()
    parser.write(typeof part === 'string' ? Buffer.from(part) : part)
  }
  parser.end()
  return Buffer.concat(await Promise.all(contents)).toString('utf8')
}
