import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http'
import { http } from './builtin.ts'

/** A request with a JSON body, where it has one, and a JSON answer. */
export interface JsonRequest {
  readonly method: 'GET' | 'POST'
  readonly url: string
  readonly token: string
  readonly body?: unknown
  /** For the whole exchange, in milliseconds. */
  readonly timeoutMs: number
}

export interface JsonAnswer {
  readonly status: number
  /** Undefined where the answer is not JSON. */
  readonly body: unknown
}

const largestAnswer = 128 * 1024 * 1024

/**
 * Asks over HTTP or HTTPS. Rejects where no whole answer comes in time. `node:http` and not `fetch`: the launcher stays
 * beside its Node-RED for months, and `fetch` would take 8 MB for it.
 */
export async function requestJson(ask: JsonRequest, signal: AbortSignal): Promise<JsonAnswer> {
  const begin = await requestFunction(ask.url)
  const content = ask.body === undefined ? undefined : Buffer.from(JSON.stringify(ask.body))
  const headers = {
    authorization: `Bearer ${ask.token}`,
    accept: 'application/json',
    ...(content === undefined
      ? {}
      : { 'content-type': 'application/json', 'content-length': String(content.length) }),
  }
  const limit = AbortSignal.any([signal, AbortSignal.timeout(ask.timeoutMs)])
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const request = begin(ask.url, { method: ask.method, headers, agent: false, signal: limit })
    request.on('error', reject)
    request.on('response', resolve)
    request.end(content)
  })
  return { status: response.statusCode ?? 0, body: parsed(await whole(response)) }
}

type Begin = (url: string, options: RequestOptions) => ClientRequest

/** TLS is loaded only where the address asks for it. */
async function requestFunction(url: string): Promise<Begin> {
  if (!url.startsWith('https:')) return http.request
  const { request } = await import('node:https')
  return request
}

async function whole(response: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  let size = 0
  const chunks: AsyncIterable<Buffer> = response
  for await (const part of chunks) {
    parts.push(part)
    size += part.length
    if (size > largestAnswer) throw new Error('the answer is too large')
  }
  return Buffer.concat(parts).toString()
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
