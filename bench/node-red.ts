import { spawn, type ChildProcess } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { freePortPair } from '../test/support/free-port.ts'
import { testStack } from '../test/support/stack.ts'

const local = '127.0.0.1'

/** The folder of an installed Node-RED, the same for all that is measured. */
export async function stackFolder(): Promise<string> {
  return (await testStack()).stack
}

/** Flows with an HTTP endpoint, `/mark`, that answers with the variable MARK. */
export const markFlows = [
  { id: 'tab', type: 'tab', label: 'Mark' },
  { id: 'in', type: 'http in', z: 'tab', url: '/mark', method: 'get', wires: [['set']] },
  {
    id: 'set',
    type: 'change',
    z: 'tab',
    rules: [{ t: 'set', p: 'payload', pt: 'msg', to: 'MARK', tot: 'env' }],
    wires: [['out']],
  },
  { id: 'out', type: 'http response', z: 'tab', wires: [] },
]

/** The mark of a bare Node-RED. */
export const bareMark = 'bare'

/** The settings file of a bare Node-RED that listens there. */
export function bareSettings(host: string): string {
  return `module.exports = { flowFile: 'flows.json', uiHost: '${host}', credentialSecret: 'bench', telemetry: { enabled: false } }`
}

export interface BareNodeRed {
  readonly port: number
  readonly process: ChildProcess
  /** `performance.now()` of its start. */
  readonly started: number
}

/** Node-RED as its own documentation starts it, on the Node.js and the installation that ours run on. */
export async function startBare(
  folder: string,
  { node = process.execPath, port: wanted }: { readonly node?: string; readonly port?: number } = {},
): Promise<BareNodeRed> {
  const port = wanted ?? (await freePortPair())
  await writeFile(join(folder, 'flows.json'), JSON.stringify(markFlows))
  await writeFile(join(folder, 'settings.js'), bareSettings(local))
  const script = join(await stackFolder(), 'node_modules/node-red/red.js')
  const started = performance.now()
  const child = spawn(node, [script, '-u', folder, '-p', String(port)], {
    cwd: folder,
    env: { PATH: process.env['PATH'], HOME: folder, MARK: bareMark },
    stdio: 'ignore',
  })
  return { port, process: child, started }
}

/** Ends a process and waits until it has. */
export async function endProcess(child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill(signal)
  await ended
}

/** Waits until a path of a port answers as wanted, looking every so many ms. Returns `performance.now()` of then. */
export async function untilAnswers(
  port: number,
  path = '/',
  wanted?: string,
  { pollMs = 5, host = local }: { readonly pollMs?: number; readonly host?: string } = {},
): Promise<number> {
  const end = performance.now() + 120_000
  while (performance.now() < end) {
    const answer = (await accepts(host, port)) ? await get(port, path, {}, host) : undefined
    if (answer?.status === 200 && (wanted === undefined || answer.text === wanted)) return performance.now()
    await pause(pollMs)
  }
  throw new Error(`${host}, port ${port}, does not answer`)
}

function accepts(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

export function get(
  port: number,
  path: string,
  headers: { readonly [name: string]: string } = {},
  host = local,
): Promise<{ readonly status: number; readonly text: string } | undefined> {
  return new Promise((resolve) => {
    const asked = request({ host, port, path, headers, agent: false, timeout: 5000 })
    asked.on('error', () => resolve(undefined))
    asked.on('response', (response) => {
      let text = ''
      response.on('data', (chunk: Buffer) => (text += chunk.toString()))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }))
    })
    asked.end()
  })
}
