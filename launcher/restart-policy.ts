/** What follows when Node-RED ends by itself. Pure. */

const firstDelayMs = 1000
const longestDelayMs = 60_000
/** Health of this long says that the trouble before it is over: the pauses begin anew. */
const recoveredAfterMs = 60_000
const minuteMs = 60_000
/** Ends that lie further back than this count no more. */
const windowMs = 60 * minuteMs

/** So many ends within so long are a loop: a quick one, or a slow one that brings the flows down all day. */
interface Loop {
  readonly ends: number
  readonly withinMs: number
}

/** Those of flows lead to safe mode. Those in safe mode say that flows are not the cause. */
const loops: { readonly [mode in StartMode]: readonly Loop[] } = {
  normal: [
    { ends: 5, withinMs: 10 * minuteMs },
    { ends: 10, withinMs: windowMs },
  ],
  safe: [
    { ends: 3, withinMs: 10 * minuteMs },
    { ends: 6, withinMs: windowMs },
  ],
}

/** `safe`: Node-RED runs with its flows stopped, so that they can be mended in the editor. */
export type StartMode = 'normal' | 'safe'

/** What has gone wrong so far, since somebody last wanted Node-RED to run. */
export interface Troubles {
  readonly mode: StartMode
  /** Starts and lives that failed in a row without a time of health between them. */
  readonly failures: number
  /** When Node-RED ended in this mode, within the window, in milliseconds. */
  readonly ends: readonly number[]
}

/** How one life of Node-RED went. */
export interface Life {
  /** When it was over, in milliseconds. */
  readonly at: number
  /** Whether Node-RED was started at all, or what comes before it failed: modules, files, its port. */
  readonly started: boolean
  /** How long it answered. */
  readonly healthyMs: number
}

export type Next = { readonly troubles: Troubles; readonly delayMs: number } | 'give-up'

export const noTroubles: Troubles = { mode: 'normal', failures: 0, ends: [] }

/**
 * What follows a life. What fails before Node-RED is started is no fault of its flows, and may be over in a minute: it is
 * tried again for ever. Ends of Node-RED itself lead to safe mode, and from there to giving up. Exit code 0 is an end too.
 */
export function afterLife({ mode, failures, ends }: Troubles, life: Life): Next {
  const inARow = life.healthyMs >= recoveredAfterMs ? 1 : failures + 1
  const recent = ends.filter((end) => end > life.at - windowMs)
  if (!life.started) return again({ mode, failures: inARow, ends: recent })
  const all = [...recent, life.at]
  if (!loops[mode].some((loop) => isLoop(all, life.at, loop)))
    return again({ mode, failures: inARow, ends: all })
  return mode === 'safe' ? 'give-up' : again({ mode: 'safe', failures: 1, ends: [] })
}

function isLoop(all: readonly number[], now: number, { ends, withinMs }: Loop): boolean {
  return all.filter((end) => end > now - withinMs).length >= ends
}

function again(troubles: Troubles): Next {
  return { troubles, delayMs: backOff(troubles.failures, firstDelayMs, longestDelayMs) }
}

/** `first` doubled for every failure after the first, up to `longest`; all in milliseconds. */
export function backOff(failures: number, first: number, longest: number): number {
  return Math.min(longest, first * 2 ** Math.min(30, Math.max(0, failures - 1)))
}
