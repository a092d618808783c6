/** Work that several callers want at once and that is done once. */
export interface SharedWork<T> extends AsyncDisposable {
  /**
   * Starts the work, or joins it where it is under way. A caller whose signal is aborted leaves at once; the work is
   * aborted when the last has left.
   */
  join(key: string, work: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T>
}

interface Running<T> {
  readonly result: Promise<T>
  readonly stop: AbortController
  callers: number
}

export function createSharedWork<T>(): SharedWork<T> {
  const running = new Map<string, Running<T>>()

  function start(key: string, work: (signal: AbortSignal) => Promise<T>): Running<T> {
    const stop = new AbortController()
    const entry: Running<T> = { result: work(stop.signal), stop, callers: 0 }
    const end = () => {
      if (running.get(key) === entry) running.delete(key)
    }
    entry.result.then(end, end)
    running.set(key, entry)
    return entry
  }

  return {
    async join(key, work, signal) {
      signal.throwIfAborted()
      const found = running.get(key)
      // Work that everybody left is ending: whoever comes now waits for that, then begins anew.
      if (found?.stop.signal.aborted === true) await found.result.catch(() => undefined)
      const entry = running.get(key) ?? start(key, work)
      entry.callers += 1
      try {
        return await unlessAborted(entry.result, signal)
      } finally {
        entry.callers -= 1
        if (entry.callers === 0) entry.stop.abort()
      }
    },
    async [Symbol.asyncDispose]() {
      const entries = [...running.values()]
      for (const { stop } of entries) stop.abort()
      await Promise.allSettled(entries.map(({ result }) => result))
    },
  }
}

/** Settles with the promise, or rejects as soon as the signal is aborted. */
export async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted()
  const aborted = Promise.withResolvers<never>()
  const abort = () => aborted.reject(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  try {
    return await Promise.race([promise, aborted.promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
