import { createServer, request, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http'
import { createRequire } from 'node:module'
import type { Test } from './launcher.ts'
import { testStack } from './stack.ts'

const load = createRequire(import.meta.url)
const { guardedDoors } = load('../../launcher/plugins/auth/endpoint-doors.cjs')
const { createOpenSockets } = load('../../launcher/plugins/auth/open-sockets.cjs')

/** Who is there: as the plugin's checks have it. */
export type GrantOf = (request: unknown, opensSocket?: boolean) => Promise<unknown>

export interface Asked {
  readonly method?: string
  readonly headers?: OutgoingHttpHeaders
  /** An address of this machine. */
  readonly from?: string
}

export interface DoorAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** Whether the socket that was opened has been closed. */
  readonly closed: () => boolean
}

/** The doors of the flows' endpoints before a server with one page and Node-RED's own library for sockets. */
export async function openEndpointDoor(t: Test, grantOf: GrantOf) {
  const sockets = createOpenSockets()
  const refuse = (_: unknown, response: { writeHead(status: number): { end(): void } }) =>
    response.writeHead(401).end()
  const doors = guardedDoors({ grantOf, refuse }, sockets)
  const server = createServer((asked, response) => {
    // As socket.io hands over a dashboard that polls.
    if (asked.url === '/dashboard')
      return void doors.dashboard.ioMiddleware(
        { request: asked, conn: asked.socket, disconnect: () => asked.socket.destroy() },
        (error?: Error) => response.writeHead(error === undefined ? 200 : 401).end(),
      )
    return void doors.httpNodeAuth(asked, response, () => response.end('hello'))
  })
  const { stack } = await testStack()
  const { Server } = createRequire(`${stack}/package.json`)('ws')
  const socketServer = new Server({ server, verifyClient: doors.webSocketNodeVerifyClient })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    socketServer.close()
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const { port } = address
  return {
    origin: `http://127.0.0.1:${port}`,
    /** Looks at the open sockets, as happens every second. */
    sweep: () => sockets.sweep(),
    ask: async (asked: Asked = {}) => send(port, asked),
    openSocket: async ({ headers }: Asked = {}) => openSocket(port, { ...headers }),
    openDashboard: async ({ headers = {} }: Asked = {}) =>
      (await send(port, { path: '/dashboard', headers })).status,
  }
}

/** A websocket as far as its handshake (RFC 6455), or what is answered instead. */
export async function openSocket(
  port: number,
  headers: OutgoingHttpHeaders,
  path = '/',
): Promise<DoorAnswer> {
  const upgrade = {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
  }
  return send(port, { path, headers: { ...upgrade, ...headers } })
}

async function send(
  port: number,
  { method = 'GET', path = '/', headers = {}, from = '127.0.0.1' }: Asked & { readonly path?: string },
) {
  return new Promise<DoorAnswer>((resolve, reject) => {
    const sent = request({ port, host: '127.0.0.1', localAddress: from, method, path, headers, agent: false })
    sent.on('error', reject)
    sent.on('response', (response) => {
      response.resume()
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, closed: () => true }),
      )
    })
    sent.on('upgrade', (response, socket) => {
      let closed = false
      socket.on('close', () => {
        closed = true
      })
      socket.resume()
      resolve({ status: response.statusCode ?? 0, headers: response.headers, closed: () => closed })
    })
    sent.end()
  })
}
