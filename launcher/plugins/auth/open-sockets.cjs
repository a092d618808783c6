'use strict'

/**
 * Sockets that flows hold open, each with whether the one who opened it may stay.
 */
function createOpenSockets() {
  /** @type {Map<object, { stillHolds: () => boolean, end: () => void }>} */
  const open = new Map()
  return {
    /**
     * @param {{ readyState: string, once(event: string, listener: () => void): unknown }} socket It emits `close` when it is
     * gone. One that went away while its credential was checked has said so already.
     * @param {{ stillHolds: () => boolean, end: () => void }} entry
     */
    add(socket, entry) {
      if (socket.readyState === 'closed') return
      open.set(socket, entry)
      socket.once('close', () => open.delete(socket))
    },
    sweep() {
      for (const [socket, { stillHolds, end }] of open) {
        if (stillHolds()) continue
        open.delete(socket)
        end()
      }
    },
  }
}

module.exports = { createOpenSockets }
