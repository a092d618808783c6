import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Docker from 'dockerode'

/**
 * A way to the engine that a test can cut. `down`: it refuses, as one that was stopped. `hung`: it takes calls and says
 * nothing. `truncated`: each answer breaks off in its middle.
 */
export interface EngineLink extends AsyncDisposable {
  readonly docker: Docker
  /** Where it begins. */
  readonly socketPath: string
  mode: 'up' | 'down' | 'hung' | 'truncated'
  /** Cuts what is open, too. */
  cut(mode: 'down' | 'hung'): void
  /** Has what is open say nothing any more, nor end, as if the machine at its other end were gone. */
  silence(): void
  /** Waits for this before a call, given as in `calls`, goes on to the engine. */
  before: (call: string) => Promise<void>
  /** `METHOD /path` of every call through it; of pulls alone with the query, which says of what. */
  readonly calls: string[]
  /** Calls that the engine is not asked: they are answered as by one that cannot do it. */
  refused: RegExp | undefined
}

const refusal =
  'HTTP/1.1 500 Internal Server Error\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n{"message":"refused"}'

export async function engineLink(target = '/var/run/docker.sock'): Promise<EngineLink> {
  const folder = await mkdtemp(join(tmpdir(), 'weir-engine-'))
  const socketPath = join(folder, 'docker.sock')
  const open = new Set<Socket>()
  const silent = new WeakSet<Socket>()
  const server = createServer((near) => {
    open.add(near)
    near.on('error', () => undefined)
    near.on('close', () => open.delete(near))
    if (link.mode === 'down') return near.destroy()
    if (link.mode === 'hung') return near.resume()
    const far = connect(target)
    far.on('error', () => near.destroy())
    far.on('close', () => near.destroy())
    near.on('close', () => far.destroy())
    near.on('data', (bytes) => {
      near.pause()
      void forward(bytes).finally(() => near.resume())
    })
    async function forward(bytes: Buffer): Promise<void> {
      const asked = callsIn(bytes)
      for (const call of asked) {
        link.calls.push(call)
        await link.before(call)
      }
      if (silent.has(near)) return
      if (asked.some((call) => link.refused?.test(call) === true)) near.end(refusal)
      else far.write(bytes)
    }
    far.on('data', (bytes: Buffer) => {
      if (silent.has(near)) return
      if (link.mode !== 'truncated') near.write(bytes)
      else near.end(bytes.subarray(0, -8))
    })
    return near.on('end', () => far.end())
  })
  await new Promise<void>((resolve) => server.listen(socketPath, resolve))
  const destroyAll = () => {
    for (const socket of open) socket.destroy()
  }
  const link: EngineLink = {
    docker: new Docker({ socketPath }),
    socketPath,
    mode: 'up',
    calls: [],
    refused: undefined,
    before: async () => undefined,
    silence() {
      for (const socket of open) silent.add(socket)
    },
    cut(mode) {
      link.mode = mode
      destroyAll()
    },
    [Symbol.asyncDispose]: async () => {
      destroyAll()
      await new Promise((resolve) => server.close(resolve))
      await rm(folder, { recursive: true })
    },
  }
  return link
}

function callsIn(bytes: Buffer): readonly string[] {
  const heads = bytes.toString('latin1').matchAll(/^([A-Z]+) (\/[^ ?]*)(\S*) HTTP\/1\.1\r$/gm)
  return [...heads].map(
    ([, method, path = '', query = '']) => `${method} ${path}${path === '/images/create' ? query : ''}`,
  )
}
