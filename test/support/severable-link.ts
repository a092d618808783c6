import { connect, createServer, type Socket } from 'node:net'

/**
 * A TCP link to a server that a test can cut. `down`: nobody answers. `deaf`: requests go through, answers are lost.
 * `short`: of what is answered the first 64 KiB get through on each connection, and then nothing until it is cut.
 * `silent`: nothing goes through, either way, and no connection ends.
 */
export interface SeverableLink extends AsyncDisposable {
  readonly url: string
  mode: 'up' | 'down' | 'deaf' | 'short' | 'silent'
  /** Ends what is open; nobody answers any more. */
  cut(): void
}

const shortest = 65_536

export async function severableLink(target: string): Promise<SeverableLink> {
  const { hostname: host, port } = new URL(target)
  const open = new Set<Socket>()
  const server = createServer((near) => {
    if (link.mode === 'down') return near.destroy()
    const far = connect({ host, port: Number(port) })
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(one)
      one.on('error', () => undefined)
      one.on('close', () => {
        open.delete(one)
        other.destroy()
      })
    }
    near.on('data', (bytes) => link.mode === 'silent' || far.write(bytes))
    near.on('end', () => far.end())
    far.on('data', (bytes) => {
      if (link.mode === 'deaf') near.destroy()
      else if (link.mode === 'silent') return
      else if (link.mode !== 'short' || near.bytesWritten + bytes.length <= shortest) near.write(bytes)
      else far.pause()
    })
    return near
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const link: SeverableLink = {
    url: `http://127.0.0.1:${address.port}`,
    mode: 'up',
    cut: () => {
      link.mode = 'down'
      for (const socket of open) socket.destroy()
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of open) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return link
}
