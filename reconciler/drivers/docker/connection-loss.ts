/** Tells what waits for the engine to speak that calls beside it get no answer: a connection can die without a word. */
export interface ConnectionLoss {
  readonly tell: () => void
  /** Aborted by the next loss. */
  next(): AbortSignal
}

export function createConnectionLoss(): ConnectionLoss {
  let next = new AbortController()
  return {
    tell: () => {
      next.abort()
      next = new AbortController()
    },
    next: () => next.signal,
  }
}
