import { on, EventEmitter } from 'node:events'
import type { Clock } from '../../telemetry/clock.ts'
import type { DriverEvent } from '../driver.ts'
import { isAlive } from './is-alive.ts'

/** Notices that a launcher has ended. */
export interface LauncherWatch {
  /** A launcher that lives, started or seen. */
  add(uid: string, pid: number): void
  /** A launcher that we started has ended. */
  ended(uid: string, pid: number): void
  events(signal: AbortSignal): AsyncGenerator<DriverEvent>
}

const pollMs = 1000

/**
 * What we started tells us at once. What was adopted is no child of ours: whether its pid lives is asked every second.
 * A pid that was given to another meanwhile hides an end until the next observation, which proves identities.
 */
export function createLauncherWatch({ clock }: { readonly clock: Clock }): LauncherWatch {
  const living = new Map<string, number>()
  const emitter = new EventEmitter({ captureRejections: true })
  emitter.setMaxListeners(0)

  function ended(uid: string, pid: number): void {
    // Its successor may be there before its end is heard of.
    if (living.get(uid) === pid) living.delete(uid)
    emitter.emit('ended', uid)
  }

  async function poll(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      for (const [uid, pid] of living) if (!isAlive(pid)) ended(uid, pid)
      await clock.sleep(pollMs, signal)
    }
  }

  return {
    add: (uid, pid) => void living.set(uid, pid),
    ended,
    async *events(signal) {
      const stop = new AbortController()
      const either = AbortSignal.any([signal, stop.signal])
      const seen = on(emitter, 'ended', { signal: either })
      poll(either).catch(() => undefined)
      try {
        for await (const event of seen) yield { uid: String(event[0]) }
      } catch (error) {
        if (!signal.aborted) throw error
      } finally {
        stop.abort()
      }
    },
  }
}
