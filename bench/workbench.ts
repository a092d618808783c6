import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Check } from './check.ts'

/** A row of the table: what it measures, and how. */
export interface Row {
  readonly name: string
  /** Why it cannot be measured here, and what lets it be. */
  readonly leftOut?: string | false
  measure(bench: Workbench): Promise<readonly Check[]>
}

/** A folder of its own for everything that is measured, and the ends of what was started. */
export interface Workbench extends AsyncDisposable {
  /** A new, empty folder. */
  folder(name: string): Promise<string>
  /** To be called at the end, the last first. */
  atEnd(end: () => unknown): void
  say(text: string): void
  /** Whether FlowFuse's launcher is measured too. */
  readonly peers: boolean
}

export async function openWorkbench(peers: boolean): Promise<Workbench> {
  const root = await mkdtemp(join(tmpdir(), 'weir-bench-'))
  const ends: (() => unknown)[] = []
  let made = 0
  return {
    peers,
    folder: async (name) => {
      made += 1
      const path = join(root, `${made}-${name}`)
      await mkdir(path)
      return path
    },
    atEnd: (end) => ends.push(end),
    say: (text) => void process.stderr.write(`${text}\n`),
    [Symbol.asyncDispose]: async () => {
      for (const end of ends.toReversed()) await end()
      await rm(root, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}
