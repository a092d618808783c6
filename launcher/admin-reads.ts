import type { ServerResponse } from 'node:http'
import type { ConsoleLog } from './console-log.ts'
import { linesBefore, parsedCursor, readPage } from './log-reader.ts'
import type { Samples } from './samples.ts'
import type { LauncherLogLine } from './wire.ts'

type Log = Pick<ConsoleLog, 'files' | 'recent' | 'follow'>

interface Exchange {
  readonly response: ServerResponse
  readonly url: URL
}

const linesByDefault = 100
/** More is asked for by pages. */
const mostLines = 10_000
const largestPage = 500
const linesAtOnce = 500
/** A reader of the log that leaves this much unread is dropped. */
const largestBacklog = 1024 * 1024

/** `GET /samples?since=`: those of the last hour, or after a moment. */
export function sendSamples({ response, url }: Exchange, samples: Pick<Samples, 'since'>): void {
  const moment = momentOf(url.searchParams.get('since'))
  if (moment === undefined) return refuse(response, 'since is a moment, as in RFC 3339')
  sendJson(response, 200, { samples: samples.since(moment) })
}

/** `GET /logs`: a page where `cursor` or `limit` is given, otherwise a stream of lines. */
export async function sendLogs(exchange: Exchange, log: Log): Promise<void> {
  const { searchParams } = exchange.url
  if (searchParams.has('cursor') || searchParams.has('limit')) return sendPage(exchange, log)
  return sendLines(exchange, log)
}

function sendPage({ response, url }: Exchange, log: Log): void {
  const limit = Number(url.searchParams.get('limit') ?? linesByDefault)
  if (!Number.isInteger(limit) || limit < 1 || limit > largestPage)
    return refuse(response, `limit is a number of lines from 1 to ${largestPage}`)
  const cursor = parsedCursor(url.searchParams.get('cursor'))
  if (cursor === undefined)
    return refuse(response, 'cursor is not one that this log gave: 16 digits, with a - to go backwards')
  sendJson(response, 200, readPage(log.files(), cursor, limit))
}

async function sendLines({ response, url }: Exchange, log: Log): Promise<void> {
  const { searchParams } = url
  const asked = Number(searchParams.get('tail') ?? linesByDefault)
  if (!Number.isInteger(asked) || asked < 0 || asked > mostLines)
    return refuse(response, `tail is a number of lines, 0 to ${mostLines}`)
  const since = momentOf(searchParams.get('since'))
  if (since === undefined) return refuse(response, 'since is a moment, as in RFC 3339')
  response.writeHead(200, { 'content-type': 'application/x-ndjson' })
  response.flushHeaders()
  if (searchParams.has('since')) await sendSince(response, since, log)
  else response.write(lastLines(log, asked).map(asLine).join(''))
  // Nothing can be said between the last line that was read and the first that is followed: there is no pause here.
  if (searchParams.get('follow') === 'true') follow(response, log)
  else response.end()
}

/** From the files; from memory where the disk took nothing. */
export function lastLines(log: Pick<Log, 'files' | 'recent'>, count: number): readonly LauncherLogLine[] {
  if (count <= 0) return []
  const lines = linesBefore(log.files(), Infinity, count)
  return lines.length === 0 ? log.recent().slice(-count) : lines
}

/** All lines from a moment on, however many: as fast as the reader takes them. */
async function sendSince(response: ServerResponse, moment: number, log: Log): Promise<void> {
  let place = Math.max(0, moment * 1000 - 1)
  while (!response.destroyed) {
    const { lines, next } = readPage(log.files(), { kind: 'after', place }, linesAtOnce)
    if (lines.length === 0) return
    place = Number(next)
    if (!response.write(lines.map(asLine).join(''))) await drained(response)
  }
}

function follow(response: ServerResponse, log: Log): void {
  if (response.destroyed) return
  const unfollow = log.follow((line) => {
    response.write(asLine(line))
    if (response.writableLength > largestBacklog) response.destroy()
  })
  response.on('close', unfollow)
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done)
      response.off('close', done)
      resolve()
    }
    response.on('drain', done)
    response.on('close', done)
  })
}

/** In milliseconds; the beginning of time where none is given, undefined where what is given is none. */
function momentOf(text: string | null): number | undefined {
  if (text === null) return 0
  const moment = /^\d{4}-\d{2}-\d{2}T/.test(text) ? Date.parse(text) : NaN
  return Number.isNaN(moment) ? undefined : moment
}

function asLine(line: LauncherLogLine): string {
  return `${JSON.stringify(line)}\n`
}

function refuse(response: ServerResponse, error: string): void {
  sendJson(response, 400, { error })
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(`${JSON.stringify(body)}\n`)
}
