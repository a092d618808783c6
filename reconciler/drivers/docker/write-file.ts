import type { Container } from 'dockerode'
import { DriverError } from '../driver.ts'
import { user } from './image-contract.ts'

/**
 * Takes as many bytes as it is told, so that no end of the stream is needed, which not every connection can send; and no
 * fewer, so that a connection that breaks on the way leaves nothing.
 */
const script = 'umask 077; head -c "$1" >"$2.new" && test "$(wc -c <"$2.new")" -eq "$1" && mv "$2.new" "$2"'

/**
 * Writes a file inside a container by a process of its own. The engine's own copying does not reach a tmpfs, and what is
 * written goes by that process's input, which the engine shows to nobody.
 * @throws DriverError `ExecFailed` with what the process said.
 */
export async function writeFile(
  container: Container,
  { file, content }: { readonly file: string; readonly content: string },
  abortSignal: AbortSignal,
): Promise<void> {
  const exec = await container.exec({
    Cmd: ['sh', '-c', script, 'sh', String(Buffer.byteLength(content)), file],
    User: `${user}:${user}`,
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    abortSignal,
  })
  const stream = await exec.start({ hijack: true, stdin: true, abortSignal })
  const abort = () => stream.destroy()
  abortSignal.addEventListener('abort', abort, { once: true })
  try {
    stream.write(content)
    const said = await textOf(stream)
    abortSignal.throwIfAborted()
    const { ExitCode } = await exec.inspect({ abortSignal })
    if (ExitCode !== 0) throw new DriverError('ExecFailed', `${file} could not be written: ${said}`)
  } finally {
    abortSignal.removeEventListener('abort', abort)
    stream.destroy()
  }
}

/** Its head of eight bytes tells stream and length of each part; what is printable is enough for a message. */
async function textOf(stream: AsyncIterable<unknown>): Promise<string> {
  const parts: Buffer[] = []
  for await (const part of stream) if (part instanceof Uint8Array) parts.push(Buffer.from(part))
  return Buffer.concat(parts)
    .toString('utf8')
    .replaceAll(/[^\x20-\x7e]+/g, ' ')
    .trim()
    .slice(0, 500)
}
