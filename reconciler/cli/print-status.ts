import { ask, type StatusServer } from './status-client.ts'
import { table, type Terminal } from './terminal.ts'
import { plainText } from '../plan/plain-text.ts'

interface Deps {
  readonly terminal: Terminal
  readonly signal: AbortSignal
}

/**
 * Prints instances with their phase and editors, and what keeps the fleet as a whole from being as declared. Returns 0
 * when all is, 1 when something is not.
 */
export async function printStatus(
  server: StatusServer,
  output: 'text' | 'json',
  { terminal, signal }: Deps,
): Promise<number> {
  const instances = listOf(await (await ask(server, 'instances', signal)).json(), 'instances')
  const troubles = troublesOf(await (await ask(server, 'fleet', signal)).json())
  if (output === 'json') terminal.out(`${JSON.stringify(instances, null, 2)}\n`)
  else terminal.out(statusText(instances))
  for (const trouble of troubles) terminal.err(`${terminal.paintErr('red', 'error')}: ${trouble}\n`)
  return troubles.length === 0 && instances.every((instance) => instance['ready'] === true) ? 0 : 1
}

export interface LogRequest {
  readonly instance: string
  /** How many of the last lines. */
  readonly tail: string
  /** RFC 3339: all lines from then on instead. */
  readonly since: string | undefined
  readonly follow: boolean
}

/** Prints the console log of an instance, and goes on with it when asked to. */
export async function printLogs(
  server: StatusServer,
  { instance, tail, since, follow }: LogRequest,
  { terminal, signal }: Deps,
): Promise<number> {
  const query = new URLSearchParams({
    ...(since === undefined ? { tail } : { since }),
    follow: String(follow),
  })
  const response = await ask(
    server,
    `instances/${encodeURIComponent(instance)}/logs?${query.toString()}`,
    signal,
  )
  let rest = ''
  const decoder = new TextDecoder()
  const body: AsyncIterable<Uint8Array> | readonly Uint8Array[] = response.body ?? []
  for await (const chunk of body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) terminal.out(logText(line))
  }
  return 0
}

function troublesOf(fleet: unknown): readonly string[] {
  if (!isRow(fleet)) return []
  const { source, store, plan } = fleet
  const error = isRow(source) ? source['error'] : undefined
  return [
    ...(isRow(error)
      ? [`the source cannot be read since ${text(error['since'])}: ${text(error['message'])}`]
      : []),
    ...(isRow(store)
      ? [`the store cannot be used since ${text(store['since'])}: ${text(store['message'])}`]
      : []),
    ...(isRow(plan) && plan['refused'] === true
      ? ['the plan is refused as a whole: reconcile --dry-run says why, and what allows it']
      : []),
  ]
}

type Row = { readonly [key: string]: unknown }

function statusText(instances: readonly Row[]): string {
  const rows = instances.map((instance) => [
    text(instance['name']),
    text(instance['team']),
    text(instance['phase']),
    instance['ready'] === true ? 'yes' : 'no',
    instance['drifted'] === true ? 'yes' : 'no',
    text(instance['url']),
    text(instance['message']),
  ])
  return table([['INSTANCE', 'TEAM', 'PHASE', 'READY', 'DRIFTED', 'EDITOR', ''], ...rows])
}

function logText(line: string): string {
  const entry: unknown = JSON.parse(line)
  if (!isRow(entry)) return ''
  return `${text(entry['at'])} ${text(entry['source'])} ${text(entry['text'])}\n`
}

function listOf(document: unknown, key: string): readonly Row[] {
  const list = isRow(document) ? document[key] : undefined
  return Array.isArray(list) ? list.filter(isRow) : []
}

function isRow(value: unknown): value is Row {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function text(value: unknown): string {
  if (typeof value === 'string') return plainText(value)
  return value === undefined || value === null ? '' : JSON.stringify(value)
}
