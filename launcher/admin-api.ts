import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { http } from './builtin.ts'
import type { ConsoleLog } from './console-log.ts'
import type { Reloaded } from './instance.ts'
import { sameText } from './same-text.ts'
import type { LauncherLogLine, LauncherState, ReloadRefusal } from './wire.ts'

export interface AdminParts {
  readonly token: string
  readonly log: Pick<ConsoleLog, 'tail' | 'follow'>
  state(): LauncherState
  start(): void
  stop(): void
  restart(): void
  reload(): Promise<Reloaded>
  shutdown(): void
}

interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly url: URL
}

type Handler = (exchange: Exchange) => void | Promise<void>

const largestBody = 64 * 1024
const linesByDefault = 100
/** A reader of the log that leaves this much unread is dropped. */
const largestBacklog = 1024 * 1024

/** The admin API, not yet listening. Every route wants the admin token as bearer. */
export function createAdminApi(parts: AdminParts): Server {
  const command = (act: () => void): Handler => {
    return ({ response }) => {
      act()
      answer(response, 202, parts.state())
    }
  }
  const routes: { readonly [route: string]: Handler } = {
    'GET /state': ({ response }) => answer(response, 200, parts.state()),
    'GET /logs': (exchange) => sendLogs(exchange, parts.log),
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
  }
  const expected = `Bearer ${parts.token}`
  const server = http.createServer((request, response) => {
    const granted = sameText(request.headers.authorization ?? '', expected)
    const work = granted ? serve(routes, request, response) : refuse(response)
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

function sendLogs({ response, url }: Exchange, log: Pick<ConsoleLog, 'tail' | 'follow'>): void {
  const asked = Number(url.searchParams.get('tail') ?? linesByDefault)
  if (!Number.isInteger(asked) || asked < 0) {
    return answer(response, 400, { error: 'tail is a number of lines, 0 or more' })
  }
  response.writeHead(200, { 'content-type': 'application/x-ndjson' })
  response.flushHeaders()
  response.write(log.tail(asked).map(asLine).join(''))
  if (url.searchParams.get('follow') !== 'true') {
    response.end()
    return
  }
  const unfollow = log.follow((line) => {
    response.write(asLine(line))
    if (response.writableLength > largestBacklog) response.destroy()
  })
  response.on('close', unfollow)
}

function asLine(line: LauncherLogLine): string {
  return `${JSON.stringify(line)}\n`
}
