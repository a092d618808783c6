import { createServer } from 'node:http'
import type { LauncherState, RuntimeMembers, RuntimeSettings } from '../../launcher/wire.ts'

/**
 * Stands in for the reconciler's runtime door: gives the settings it is told to, keeps the states it gets, takes what
 * editors save and has none of it.
 */
export interface RuntimeDoor {
  readonly url: string
  readonly token: string
  settings: RuntimeSettings | undefined
  /** In place of settings: who may still come in. */
  members: RuntimeMembers | undefined
  /** The status of every answer where it is not 200. */
  status: number
  /** What it was told for the audit trail. */
  readonly events: {
    readonly id: string
    readonly at: string
    readonly event: string
    readonly target?: string
    readonly count?: number
  }[]
  readonly states: { readonly at: number; readonly state: LauncherState }[]
  close(): Promise<void>
}

export async function openRuntimeDoor(token: string, port = 0, host = '127.0.0.1'): Promise<RuntimeDoor> {
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const part of request) body += part
    const granted = request.headers.authorization === `Bearer ${token}`
    const status = granted ? door.status : 401
    response.statusCode = status
    if (status !== 200) return response.end()
    if (request.url === '/runtime/v1/settings' && door.members === undefined)
      return response.end(JSON.stringify(door.settings))
    if (request.url === '/runtime/v1/settings') return response.writeHead(503).end()
    if (request.url === '/runtime/v1/members') return response.end(JSON.stringify(door.members))
    if (request.url?.startsWith('/runtime/v1/storage/')) {
      if (request.method === 'GET') response.writeHead(404, { 'weir-stored': 'nothing' })
      return response.end('{}')
    }
    if (request.url === '/runtime/v1/audit') {
      door.events.push(...JSON.parse(body).events)
      return response.end('{"recorded":1}')
    }
    door.states.push({ at: Date.now(), state: JSON.parse(body) })
    return response.end()
  })
  await new Promise<void>((resolve) => server.listen(port, host, resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const door: RuntimeDoor = {
    url: `http://${host}:${address.port}`,
    token,
    settings: undefined,
    members: undefined,
    status: 200,
    states: [],
    events: [],
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
  return door
}
