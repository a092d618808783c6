import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { http } from './builtin.ts'
import type { ConsoleLog } from './console-log.ts'
import type { Reloaded } from './instance.ts'
import { sameText } from './same-text.ts'
import type { Samples } from './samples.ts'
import type { LauncherHealth, LauncherState, ReloadRefusal } from './wire.ts'

export interface AdminParts {
  readonly token: string
  readonly log: Pick<ConsoleLog, 'files' | 'recent' | 'follow'>
  readonly samples: Pick<Samples, 'since'>
  state(): LauncherState
  start(): void
  stop(): void
  restart(): void
  reload(): Promise<Reloaded>
  /** False: the reconciler does not tell. */
  withdraw(): Promise<boolean>
  shutdown(): void
  /** Whether Node-RED answers now. */
  answers(): Promise<boolean>
}

interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly url: URL
}

type Handler = (exchange: Exchange) => void | Promise<void>

const largestBody = 64 * 1024

/** Loaded by whoever reads: most launchers are never asked. */
const reads = () => import('./admin-reads.ts')

/** The admin API, not yet listening. Every route but `/health` wants the admin token as bearer. */
export function createAdminApi(parts: AdminParts): Server {
  const command = (act: () => void): Handler => {
    return ({ response }) => {
      act()
      answer(response, 202, parts.state())
    }
  }
  const routes: { readonly [route: string]: Handler } = {
    'GET /health': ({ response }) => sendHealth(response, parts),
    'GET /state': ({ response }) => answer(response, 200, parts.state()),
    'GET /logs': async (exchange) => (await reads()).sendLogs(exchange, parts.log),
    'GET /samples': async (exchange) => (await reads()).sendSamples(exchange, parts.samples),
    'POST /start': command(() => parts.start()),
    'POST /stop': command(() => parts.stop()),
    'POST /restart': command(() => parts.restart()),
    'POST /shutdown': command(() => parts.shutdown()),
    'POST /reload': async ({ response }) => {
      const reloaded = await parts.reload()
      const state = parts.state()
      if (reloaded.done) answer(response, 200, { state, restarted: reloaded.restarted })
      else answer(response, 502, { error: reloaded.reason, state } satisfies ReloadRefusal)
    },
    'POST /withdraw': async ({ response }) => {
      if (await parts.withdraw()) return answer(response, 200, parts.state())
      const error = 'the reconciler does not tell who may come in'
      answer(response, 502, { error, state: parts.state() } satisfies ReloadRefusal)
    },
  }
  const expected = `Bearer ${parts.token}`
  const server = http.createServer((request, response) => {
    const granted = sameText(request.headers.authorization ?? '', expected)
    const open = request.method === 'GET' && request.url === '/health'
    const work = granted || open ? serve(routes, request, response) : refuse(response)
    work.catch(() => response.destroy())
  })
  server.on('clientError', (_, socket) => socket.destroy())
  return server
}

async function serve(
  routes: { readonly [route: string]: Handler },
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = URL.parse(request.url ?? '/', 'http://launcher')
  const route = `${request.method} ${url?.pathname}`
  const handler = Object.hasOwn(routes, route) ? routes[route] : undefined
  if (url === null || handler === undefined) return answer(response, 404, { error: 'there is nothing here' })
  if (!(await bodyFits(request))) {
    response.setHeader('connection', 'close')
    return answer(response, 413, { error: `a body may have ${largestBody} bytes` })
  }
  await handler({ request, response, url })
}

/** For a container's health check: it tells nothing but the phase, so it asks for no token. */
async function sendHealth(response: ServerResponse, parts: AdminParts): Promise<void> {
  const healthy = await parts.answers()
  const { phase } = parts.state()
  answer(response, healthy ? 200 : 503, { phase } satisfies LauncherHealth)
}

async function refuse(response: ServerResponse): Promise<void> {
  response.setHeader('connection', 'close')
  response.setHeader('www-authenticate', 'Bearer')
  answer(response, 401, { error: 'the admin token is missing or wrong' })
}

/** No route takes a body yet; one that comes is read and dropped. */
async function bodyFits(request: IncomingMessage): Promise<boolean> {
  let size = 0
  const chunks: AsyncIterable<Buffer> = request
  for await (const part of chunks) {
    size += part.length
    if (size > largestBody) return false
  }
  return true
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(`${JSON.stringify(body)}\n`)
}
