import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Clock } from './clock.ts'

/** A young generation that has grown to this is given back, in bytes. That of a small fleet never does. */
const large = 64 * 1024 * 1024
/** How long after one time the next may come. In milliseconds. */
const seldom = 3_600_000

/**
 * Makes what gives back the memory that reading a large fleet has left behind. V8 lets the young generation grow with a
 * burst of work, to 128 MiB, and keeps it so for as long as the process does a little now and then, as a reconciler
 * does. Only a collection of the last resort shrinks it; that takes some tenths of a second, and so is to be called when
 * there is nothing to do. It then looks whether it is worth it, and does it once an hour at most.
 */
export function createGiveBack(clock: Pick<Clock, 'now'>): () => void {
  let last = Number.NEGATIVE_INFINITY
  return () => {
    const now = clock.now().getTime()
    if (now - last < seldom || youngGeneration() < large) return
    last = now
    collector()?.({ type: 'major', execution: 'sync', flavor: 'last-resort' })
  }
}

/** In bytes, as far as the operating system has given it. */
function youngGeneration(): number {
  return getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space')?.space_size ?? 0
}

type Collect = (options: Readonly<Record<'type' | 'execution' | 'flavor', string>>) => void

/** What `node --expose-gc` would call `gc`, without a flag on the command line. */
function collector(): Collect | undefined {
  setFlagsFromString('--expose-gc')
  const gc: unknown = runInNewContext('gc')
  setFlagsFromString('--no-expose-gc')
  return isCollect(gc) ? gc : undefined
}

function isCollect(value: unknown): value is Collect {
  return typeof value === 'function'
}
