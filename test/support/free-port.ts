import { createServer } from 'node:net'
import { reachable } from '../../reconciler/model/reachable.ts'

const given = new Set<number>()

/** A port that is free together with the one 1000 above it, and that no other test of this process was given. */
export async function freePortPair(): Promise<number> {
  for (;;) {
    const port = await listenBriefly(0)
    if (port === undefined || port > 64_000 || given.has(port)) continue
    if (given.has(port + 1000)) continue
    given.add(port)
    given.add(port + 1000)
    if ((await listenBriefly(port + 1000)) !== undefined) return port
  }
}

async function listenBriefly(port: number): Promise<number | undefined> {
  const server = createServer()
  const bound = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false))
    server.listen(port, reachable('0.0.0.0'), () => resolve(true))
  })
  const address = server.address()
  if (!bound) return undefined
  await new Promise((resolve) => server.close(resolve))
  return address === null || typeof address === 'string' ? undefined : address.port
}
