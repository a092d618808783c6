import { writeFileAtomic } from './atomic-file.ts'
import { readBootstrap } from './bootstrap.ts'
import { fs, util } from './builtin.ts'
import type { Say } from './console-log.ts'
import { pause } from './pause.ts'
import { reasonOf } from './runtime-client.ts'
import type { LauncherBootstrap } from './wire.ts'

/** How long a container may run that was never told what it is. */
const withinMs = 60_000
const lookAgainMs = 50
/** Beside a Node-RED that runs. By looking, since one user may watch with 128 processes of a machine (inotify(7)). */
const lookLaterMs = 1000

export interface ToldFiles {
  /** Somebody puts it there by renaming it, so that it is whole once it is seen; gone when the container has ended. */
  readonly named: string
  /** Where that is kept. */
  readonly last: string
  readonly say: Say
}

/**
 * What a launcher in a container is told that it is: at once what this very container was told before, so that it comes up
 * while nobody is there to tell; then what it is told now, where that is something else. Ends when the signal aborts.
 * Throws an Error that names what is wrong, and never a value, where it is told nothing within a minute, or nonsense.
 */
export async function* told(
  { named, last, say }: ToldFiles,
  signal: AbortSignal,
): AsyncGenerator<LauncherBootstrap> {
  const before = fs.existsSync(named) ? undefined : readLast(last)
  if (before !== undefined) yield before
  const came =
    before === undefined
      ? await appears(named, lookAgainMs, AbortSignal.any([signal, AbortSignal.timeout(withinMs)]))
      : await appears(named, lookLaterMs, signal)
  if (signal.aborted) return
  if (!came) throw new Error(`${named} did not come: who started this launcher has to put it there`)
  const now = readBootstrap(named)
  try {
    writeFileAtomic(last, JSON.stringify({ ...now, container: container() }))
  } catch (error) {
    say(`What it is told cannot be kept, a start will have to wait for the reconciler: ${reasonOf(error)}`)
  }
  if (before === undefined || differs(before, now)) yield now
}

async function appears(path: string, everyMs: number, signal: AbortSignal): Promise<boolean> {
  while (!fs.existsSync(path)) {
    if (signal.aborted) return false
    await pause(everyMs, signal)
  }
  return true
}

/** Undefined where it was told nothing, or another container was: a copied volume runs nothing. */
function readLast(path: string): LauncherBootstrap | undefined {
  try {
    const kept: LauncherBootstrap & { readonly container?: unknown } = readBootstrap(path)
    const { container: whose, ...bootstrap } = kept
    return whose === container() ? bootstrap : undefined
  } catch {
    return undefined
  }
}

/** The name of a container's machine is its id, as long as it lives. */
function container(): string {
  return process.getBuiltinModule('node:os').hostname()
}

/** The settings tell a name too: a new one is no reason to begin again. */
function differs(before: LauncherBootstrap, now: LauncherBootstrap): boolean {
  return !util.isDeepStrictEqual({ ...before, name: '' }, { ...now, name: '' })
}
