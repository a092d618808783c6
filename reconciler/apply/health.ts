import type { LauncherState } from '../../launcher/wire.ts'

/** Launchers' reports, and those who wait for one. */
export interface Health {
  report(state: LauncherState): void
  /** Drops what an instance said last: it is about to change. */
  forget(uid: string): void
  /** Calls back on every report. Returns what ends it. */
  subscribe(listener: (state: LauncherState) => void): () => void
  /**
   * Settles when the instance runs with these settings.
   * @throws UnhealthyError when it crashed or came up in safe mode, AbortError when the signal is aborted.
   */
  whenRunning(uid: string, settings: string, signal: AbortSignal): Promise<void>
}

/** The instance was brought about, but does not run. */
export class UnhealthyError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'UnhealthyError'
  }
}

export function createHealth(): Health {
  const latest = new Map<string, LauncherState>()
  const listeners = new Set<(state: LauncherState) => void>()
  const subscribe = (listener: (state: LauncherState) => void): (() => void) => {
    listeners.add(listener)
    return () => listeners.delete(listener)
  }
  return {
    report: (state) => {
      latest.set(state.uid, state)
      for (const listener of listeners) listener(state)
    },
    forget: (uid) => {
      latest.delete(uid)
    },
    subscribe,
    whenRunning: async (uid, settings, signal) => {
      signal.throwIfAborted()
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      const look = (state: LauncherState | undefined): void => {
        if (state?.uid !== uid || state.settings !== settings) return
        if (state.phase === 'running') resolve()
        if (state.phase === 'crashed' || state.phase === 'safe')
          reject(new UnhealthyError(state.message ?? 'Node-RED ended by itself'))
      }
      const unsubscribe = subscribe(look)
      const abort = (): void => reject(signal.reason)
      signal.addEventListener('abort', abort, { once: true })
      const before = latest.get(uid)
      if (before?.phase === 'running') look(before)
      try {
        await promise
      } finally {
        unsubscribe()
        signal.removeEventListener('abort', abort)
      }
    },
  }
}
