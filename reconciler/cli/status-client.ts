import type { Secret } from '../model/secret.ts'
import { parseStateDocument, type State } from '../status/state-document.ts'

/** A running reconciler and how to sign in to its status API. */
export interface StatusServer {
  readonly url: string
  /** A read token, or `user:password`. */
  readonly token: Secret
}

/** The status API did not answer, or refused. */
export class StatusServerError extends Error {
  constructor(message: string, options: { cause?: unknown } = {}) {
    super(message, options)
    this.name = 'StatusServerError'
  }
}

/**
 * GETs a path below `/api/v1`.
 * @throws StatusServerError with what to do about it.
 */
export async function ask(server: StatusServer, path: string, signal: AbortSignal): Promise<Response> {
  if (!/^https?:/.test(server.url) || !URL.canParse(server.url))
    throw new StatusServerError(
      `${JSON.stringify(server.url)} is no address of a reconciler; give one such as http://127.0.0.1:3000`,
    )
  if (!/^[\x20-\x7e]+$/.test(server.token.reveal()))
    throw new StatusServerError(
      'WEIR_TOKEN is empty or holds a character that no token has, such as a newline',
    )
  const url = new URL(`/api/v1/${path}`, server.url)
  const response = await fetch(url, {
    headers: { authorization: authorization(server.token) },
    signal,
    redirect: 'error',
  }).catch((cause: unknown) => {
    signal.throwIfAborted()
    throw new StatusServerError(
      `no reconciler answers at ${url.origin}; is it running, and is the address right?`,
      { cause },
    )
  })
  if (response.ok) return response
  const why = response.status === 400 ? await detailOf(response) : hint(response.status)
  throw new StatusServerError(`${url.origin} answered ${response.status}: ${why}`)
}

/** What a preview needs to know of the running fleet. */
export async function fetchState(server: StatusServer, signal: AbortSignal): Promise<State> {
  const response = await ask(server, 'state', signal)
  const document: unknown = await response.json()
  return parseStateDocument(document)
}

function authorization(token: Secret): string {
  const text = token.reveal()
  return text.includes(':') ? `Basic ${Buffer.from(text).toString('base64')}` : `Bearer ${text}`
}

/** What a problem document (RFC 9457) says. */
async function detailOf(response: Response): Promise<string> {
  const problem: unknown = await response.json().catch(() => undefined)
  return typeof problem === 'object' &&
    problem !== null &&
    'detail' in problem &&
    typeof problem.detail === 'string'
    ? problem.detail
    : 'it did not understand the request'
}

function hint(status: number): string {
  if (status === 401)
    return 'the token is not known or has expired; set WEIR_TOKEN to a read token or to user:password'
  if (status === 403 || status === 404) return 'not found, or not for this user'
  return status === 429 ? 'too many failed sign-ins; wait, then try again' : 'try again later'
}
