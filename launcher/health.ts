import { connect, createServer } from 'node:net'
import { fs, http } from './builtin.ts'
import { pause } from './pause.ts'

/** Where Node-RED listens. */
export interface Address {
  readonly host: string
  readonly port: number
}

const notYetStarted = 503
/** Answered by ours inside Node-RED, before any flow can. */
const alivePath = '/_weir/alive'

/** Why nobody could listen there now, for a person; undefined where one could. */
export function whyNotListen(address: Address): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error) => resolve(listenFailure(error, address)))
    server.listen({ host: address.host, port: address.port, exclusive: true }, () =>
      server.close(() => resolve(undefined)),
    )
  })
}

/** What an error of `listen` means (bind(2), listen(2)), and its remedy. Pure. */
export function listenFailure(error: Error, { host, port }: Address): string {
  switch ('code' in error ? error.code : undefined) {
    case 'EADDRINUSE':
      return `Port ${port} is in use by another process: end it, or declare another port`
    case 'EACCES':
      return `Port ${port} may not be used by the user that the launcher runs as: declare one from 1024 up, or permit it this one`
    case 'EADDRNOTAVAIL':
      return `${host} is no address of this machine: name one that is as localfs.host in the configuration`
    default:
      return `Nobody can listen on ${host}, port ${port}: ${error.message}`
  }
}

/** Whether Node-RED answers a request within the time. Any answer counts but the one that it has not started yet. */
export function answers(address: Address, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const where = { host: reachable(address.host), port: address.port }
    const probe = http.request({
      ...where,
      method: 'HEAD',
      path: alivePath,
      agent: false,
      timeout: timeoutMs,
    })
    const timer = setTimeout(() => probe.destroy(new Error('no answer in time')), timeoutMs)
    const settle = (answered: boolean) => {
      clearTimeout(timer)
      resolve(answered)
    }
    probe.on('error', () => settle(false))
    probe.on('response', (response) => {
      response.resume()
      settle(response.statusCode !== notYetStarted)
    })
    probe.end()
  })
}

/** Waits until Node-RED answers; looks every 20 ms. False where the time runs out or the signal aborts. */
export async function untilAnswers(
  address: Address,
  withinMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  const last = Date.now() + withinMs
  while (!signal.aborted && Date.now() < last) {
    if ((await accepts(address)) && (await answers(address, 5000))) return !signal.aborted
    await pause(20, signal)
  }
  return false
}

/** Whether somebody accepts a connection: much cheaper than a request that fails. */
function accepts(address: Address): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: reachable(address.host), port: address.port })
    socket.once('connect', () => {
      // TCP can connect a port of the ephemeral range with itself.
      const itself = socket.localPort === address.port
      socket.destroy()
      resolve(!itself)
    })
    socket.once('error', () => resolve(false))
  })
}

function reachable(host: string): string {
  if (host === '0.0.0.0' || host === '') return '127.0.0.1'
  return host === '::' ? '::1' : host
}

/** The resident memory of a process in bytes; undefined where it cannot be told. */
export async function residentBytes(pid: number): Promise<number | undefined> {
  try {
    const [, kibibytes] = /^VmRSS:\s+(\d+) kB$/m.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
    return kibibytes === undefined ? undefined : Number(kibibytes) * 1024
  } catch {
    return process.platform === 'linux' ? undefined : residentBytesByPs(pid)
  }
}

async function residentBytesByPs(pid: number): Promise<number | undefined> {
  const { execFile } = await import('node:child_process')
  return new Promise((resolve) => {
    execFile('ps', ['-o', 'rss=', '-p', String(pid)], (error, stdout) => {
      resolve(error === null ? Number(stdout.trim()) * 1024 : undefined)
    })
  })
}
