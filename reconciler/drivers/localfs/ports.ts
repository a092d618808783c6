import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { createConnection, createServer } from 'node:net'
import { hasCode } from '../../model/has-code.ts'
import { reachable } from '../../model/reachable.ts'

/** Whether somebody listens on a port of this machine. A connection is tried: binding would get into another's way. */
export async function isPortHeld(host: string, port: number, signal: AbortSignal): Promise<boolean> {
  signal.throwIfAborted()
  return new Promise((resolve) => {
    const socket = createConnection({ host: reachable(host), port, signal, timeout: 1000 })
    const settle = (held: boolean) => () => {
      socket.destroy()
      resolve(held)
    }
    socket.once('connect', settle(true))
    socket.once('error', settle(false))
    // Someone who does not even answer has the port nevertheless.
    socket.once('timeout', settle(true))
  })
}

/** Whether an address can be listened on at all. */
export async function isAddressHere(host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error) => resolve(!hasCode(error, 'EADDRNOTAVAIL')))
    server.listen({ host, port: 0 }, () => server.close(() => resolve(true)))
  })
}

const listening = '0A'

/** The process that listens on a port, such as `nginx (pid 812)`; undefined where the machine does not tell. */
export function portHolder(port: number): string | undefined {
  const inodes = new Set(
    ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((file) => listenersOn(port, readText(file))),
  )
  if (inodes.size === 0) return undefined
  for (const pid of namesIn('/proc')) {
    if (!/^\d+$/.test(pid) || !holdsSocket(pid, inodes)) continue
    return `${readText(`/proc/${pid}/comm`).trim()} (pid ${pid})`
  }
  return undefined
}

/** The inodes of sockets that listen on a port, from the text of `/proc/net/tcp` (proc(5)). Pure. */
export function listenersOn(port: number, table: string): readonly string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  return table.split('\n').flatMap((line) => {
    const [, local, , state, , , , , , inode] = line.trim().split(/\s+/)
    return local?.endsWith(suffix) === true && state === listening && inode !== undefined ? [inode] : []
  })
}

function holdsSocket(pid: string, inodes: ReadonlySet<string>): boolean {
  const folder = `/proc/${pid}/fd`
  return namesIn(folder).some((descriptor) => {
    const inode = /^socket:\[(\d+)\]$/.exec(linkOf(`${folder}/${descriptor}`))?.[1]
    return inode !== undefined && inodes.has(inode)
  })
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
