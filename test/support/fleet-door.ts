import { createServer } from 'node:http'
import type { RuntimeSettings } from '../../launcher/wire.ts'
import type { PlacedInstance } from '../../reconciler/model/placed-instance.ts'

/** Stands in for the reconciler's runtime door for any number of instances: settings by token. */
export interface FleetDoor {
  readonly url: string
  readonly settings: Map<string, RuntimeSettings>
  close(): Promise<void>
}

/** `host`: the address to listen on. */
export async function openFleetDoor(host = '127.0.0.1'): Promise<FleetDoor> {
  const settings = new Map<string, RuntimeSettings>()
  const server = createServer((request, response) => {
    const token = request.headers.authorization?.slice('Bearer '.length) ?? ''
    const found = settings.get(token)
    request.resume()
    if (found === undefined) response.writeHead(401).end()
    else if (request.url === '/runtime/v1/settings') response.end(JSON.stringify(found))
    else response.end('{}')
  })
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no address')
  return {
    url: `http://${host}:${address.port}`,
    settings,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** What the reconciler would hand out for an instance, as far as drivers are concerned. */
export function stubSettings(
  { uid, spec, settings }: PlacedInstance,
  listens: Pick<RuntimeSettings, 'host' | 'port'>,
): RuntimeSettings {
  const env: { [name: string]: string } = {}
  for (const [name, value] of Object.entries(spec.env)) env[name] = 'value' in value ? value.value : ''
  return {
    uid,
    name: spec.name,
    digest: settings,
    ...listens,
    env,
    modules: spec.modules,
    allowInstallScripts: false,
    credentialSecret: `canary-credential-${uid}`,
    editor: spec.editor,
    endpoints: { access: spec.endpoints.access },
    members: [],
  }
}
