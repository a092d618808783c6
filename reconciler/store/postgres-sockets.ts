import { Socket } from 'node:net'

/** The sockets below connections, so that none outlives what it was for. */
export interface Sockets {
  /** For the driver, which connects it. */
  readonly open: () => Socket
  readonly destroy: () => void
}

/** Milliseconds that closing may wait for the server. */
const farewell = 2_000

export function createSockets(): Sockets {
  const open = new Set<Socket>()
  let closed = false
  return {
    open: () => {
      const socket = new Socket()
      open.add(socket)
      socket.once('close', () => open.delete(socket))
      // behind the driver, which connects it now and would bring a destroyed one to life
      if (closed) process.nextTick(() => socket.destroy(new Error('the connection is closed')))
      return socket
    },
    destroy: () => {
      closed = true
      for (const socket of open) socket.destroy(new Error('the connection is closed'))
    },
  }
}

/** A server that hangs never says farewell, and a connection may be under way: what is left then is cut, and what opens later too. */
export async function closeSockets(sockets: Sockets, politely: () => Promise<unknown>): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, farewell)
  await Promise.race([politely().catch(() => undefined), late])
  clearTimeout(timer)
  sockets.destroy()
}
