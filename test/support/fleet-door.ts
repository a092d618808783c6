import { createServer } from 'node:http'
import type { RuntimeSettings } from '../../launcher/wire.ts'

/** Stands in for the reconciler's runtime door for any number of instances: settings by token. */
export interface FleetDoor {
  readonly url: string
  readonly settings: Map<string, RuntimeSettings>
  close(): Promise<void>
}

export async function openFleetDoor(): Promise<FleetDoor> {
  const settings = new Map<string, RuntimeSettings>()
  const server = createServer((request, response) => {
    const token = request.headers.authorization?.slice('Bearer '.length) ?? ''
    const found = settings.get(token)
    request.resume()
    if (found === undefined) response.writeHead(401).end()
    else if (request.url === '/runtime/v1/settings') response.end(JSON.stringify(found))
    else response.end('{}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no address')
  return {
    url: `http://127.0.0.1:${address.port}`,
    settings,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
