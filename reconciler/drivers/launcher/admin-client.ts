import { request, type IncomingMessage } from 'node:http'
import type {
  LauncherBootstrap,
  LauncherLogPage,
  LauncherSample,
  LauncherState,
} from '../../../launcher/wire.ts'
import { DriverError, type LogLine, type LogOptions, type LogPageOptions } from '../driver.ts'
import { isLauncherState, isLogLine, isLogPage, isSamples } from './launcher-schema.ts'
import { hasCode } from '../../model/has-code.ts'
import { reachable } from '../../model/reachable.ts'

const readWithinMs = 10_000
/** The launcher asks the runtime door, and gives it 10 s. */
const withdrawWithinMs = 12_000

/** Where a launcher's admin API is, and what proves the driver to it. */
export type LauncherAddress = Pick<LauncherBootstrap, 'adminHost' | 'adminPort' | 'adminToken'>

/**
 * What a launcher's admin API said. `refused`: nobody listens there. `denied`: somebody does who does not know our
 * token. `silent`: the connection stands, but no answer came in time, or one that is no launcher's.
 */
export type AdminAnswer =
  | { readonly kind: 'answered'; readonly state: LauncherState }
  | { readonly kind: 'refused' | 'denied' }
  | { readonly kind: 'silent'; readonly cause: string }

/** `GET /state`. @throws only when `signal` is aborted. */
export async function askState(
  address: LauncherAddress,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<AdminAnswer> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
  try {
    const { status, body } = await exchange(address, { method: 'GET', path: '/state' }, limit)
    if (status === 401 || status === 403) return { kind: 'denied' }
    const state: unknown = status === 200 ? JSON.parse(body) : undefined
    if (isLauncherState(state)) return { kind: 'answered', state }
    return { kind: 'silent', cause: `its admin API answered ${status}, not a state` }
  } catch (error) {
    signal.throwIfAborted()
    if (isRefusal(error)) return { kind: 'refused' }
    if (limit.aborted) return { kind: 'silent', cause: `its admin API did not answer within ${timeoutMs} ms` }
    return { kind: 'silent', cause: `its admin API cannot be read: ${messageOf(error)}` }
  }
}

/**
 * `POST` of one of its commands. True when it was obeyed, false when the launcher cannot be reached or does not know us.
 * @throws DriverError `LauncherRefused` when it answers that it cannot, `LauncherBusy` when `limit` is aborted first.
 */
export async function command(
  address: LauncherAddress,
  options: {
    readonly verb: 'start' | 'stop' | 'restart' | 'reload' | 'withdraw' | 'shutdown'
    /** Aborted when that has taken too long. */
    readonly limit: AbortSignal
  },
  signal: AbortSignal,
): Promise<boolean> {
  const { verb, limit } = options
  let answer: Answer
  try {
    answer = await exchange(address, { method: 'POST', path: `/${verb}` }, AbortSignal.any([signal, limit]))
  } catch (error) {
    signal.throwIfAborted()
    if (!limit.aborted) return false
    throw new DriverError('LauncherBusy', `the launcher has not finished to ${verb} in time`, {
      cause: error,
    })
  }
  if (answer.status === 401 || answer.status === 403) return false
  if (answer.status < 300) return true
  throw new DriverError('LauncherRefused', `the launcher could not ${verb}: ${reasonIn(answer)}`)
}

/** Has a launcher end rights that have ended at the runtime door. Answer and errors as of `command`. */
export async function withdraw(address: LauncherAddress, signal: AbortSignal): Promise<boolean> {
  return command(address, { verb: 'withdraw', limit: AbortSignal.timeout(withdrawWithinMs) }, signal)
}

/** `GET /logs`: the last lines, and with `follow` those to come until the launcher ends or `signal` is aborted. */
export async function* readLogs(
  address: LauncherAddress,
  options: LogOptions,
  signal: AbortSignal,
): AsyncGenerator<LogLine> {
  const { tail, follow, since } = options
  const query = new URLSearchParams({
    follow: String(follow),
    ...(since === undefined ? { tail: String(tail) } : { since }),
  })
  const path = `/logs?${query.toString()}`
  const response = await send(address, { method: 'GET', path }, signal)
  if (response.statusCode !== 200) {
    response.resume()
    throw new DriverError('LogsUnavailable', `the launcher answered ${response.statusCode}`)
  }
  try {
    for await (const line of linesOf(response)) {
      const parsed = parseLogLine(line)
      if (parsed !== undefined) yield parsed
    }
  } catch (error) {
    // The launcher ended, or nobody wants to read on.
    if (!isCut(error) && !signal.aborted) throw error
  }
}

/** `GET /logs` by pages. @throws DriverError `LogsUnavailable` when the launcher does not answer with one. */
export async function readLogPage(
  address: LauncherAddress,
  { cursor, limit }: LogPageOptions,
  signal: AbortSignal,
): Promise<LauncherLogPage> {
  const query = new URLSearchParams({ limit: String(limit), ...(cursor === undefined ? {} : { cursor }) })
  const page = await read(address, `/logs?${query.toString()}`, signal)
  if (!isLogPage(page)) throw new DriverError('LogsUnavailable', 'the launcher does not answer with lines')
  return page
}

/** `GET /samples`. @throws DriverError `SamplesUnavailable` when the launcher does not answer with them. */
export async function readSamples(
  address: LauncherAddress,
  since: string | undefined,
  signal: AbortSignal,
): Promise<readonly LauncherSample[]> {
  const query = since === undefined ? '' : `?${new URLSearchParams({ since }).toString()}`
  const answer = await read(address, `/samples${query}`, signal)
  if (isSamples(answer)) return answer.samples
  throw new DriverError('SamplesUnavailable', 'the launcher does not answer with samples')
}

/** Undefined where the launcher refuses, or answers with something else than JSON. */
async function read(address: LauncherAddress, path: string, signal: AbortSignal): Promise<unknown> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(readWithinMs)])
  try {
    const { status, body } = await exchange(address, { method: 'GET', path }, limit)
    return status === 200 ? JSON.parse(body) : undefined
  } catch {
    signal.throwIfAborted()
    return undefined
  }
}

/** Whoever leaves the loop closes the connection with it. */
async function* linesOf(response: IncomingMessage): AsyncGenerator<string> {
  let rest = ''
  response.setEncoding('utf8')
  for await (const part of response) {
    const lines = (rest + String(part)).split('\n')
    rest = lines.pop() ?? ''
    yield* lines
  }
}

/** One line of ndjson; undefined where it is not one, such as a line cut off by a kill. Pure. */
export function parseLogLine(line: string): LogLine | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return isLogLine(value) ? value : undefined
  } catch {
    return undefined
  }
}

interface Request {
  readonly method: 'GET' | 'POST'
  readonly path: string
}

interface Answer {
  readonly status: number
  readonly body: string
}

async function exchange(address: LauncherAddress, asked: Request, signal: AbortSignal): Promise<Answer> {
  const response = await send(address, asked, signal)
  const parts: Buffer[] = []
  for await (const part of response) if (part instanceof Uint8Array) parts.push(Buffer.from(part))
  return { status: response.statusCode ?? 0, body: Buffer.concat(parts).toString('utf8') }
}

/** By node:http, since `fetch` refuses some ports (Fetch Standard, 2.9), and a connection kept open outlives the driver. */
async function send(address: LauncherAddress, asked: Request, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request(
      {
        ...asked,
        host: reachable(address.adminHost),
        port: address.adminPort,
        agent: false,
        headers: { authorization: `Bearer ${address.adminToken}` },
        signal,
      },
      resolve,
    )
      .once('error', reject)
      .end()
  })
}

function reasonIn({ status, body }: Answer): string {
  try {
    const value: unknown = JSON.parse(body)
    if (typeof value === 'object' && value !== null && 'error' in value && typeof value.error === 'string')
      return value.error
  } catch {
    // Not JSON: the status has to do.
  }
  return `it answered ${status}`
}

function isRefusal(error: unknown): boolean {
  return isCut(error) || hasCode(error, 'ECONNREFUSED')
}

/** The other side ended in the middle. */
function isCut(error: unknown): boolean {
  return hasCode(error, 'ECONNRESET')
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
