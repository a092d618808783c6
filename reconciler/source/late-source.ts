import { SourceError, type Source } from './source.ts'

interface LateOptions {
  readonly description: string
  readonly clock: { sleep(ms: number, signal: AbortSignal): Promise<void> }
}

/** How often it is looked for. In milliseconds. */
const lookEveryMs = 5_000

/**
 * A source that may not be there yet, such as a folder on a disk that is mounted later: until it is, each look at it is
 * an outage like any other, and what was read before stays in force.
 */
export function lateSource(open: () => Promise<Source>, { description, clock }: LateOptions): Source {
  let opening: Promise<Source> | undefined
  let opened: Source | undefined
  const ready = async (): Promise<Source> => {
    opening ??= open()
    try {
      opened = await opening
      return opened
    } catch (error) {
      opening = undefined
      throw error
    }
  }
  return {
    get description() {
      return opened?.description ?? description
    },
    snapshot: async (signal) => (await ready()).snapshot(signal),
    async watch(onChange, signal) {
      while (!signal.aborted) {
        const source = await ready().catch(ignoreAbsence)
        if (source === undefined) {
          await clock.sleep(lookEveryMs, signal)
          continue
        }
        onChange()
        await source.watch(onChange, signal)
      }
    },
    async [Symbol.asyncDispose]() {
      await opened?.[Symbol.asyncDispose]()
    },
  }
}

function ignoreAbsence(error: unknown): undefined {
  if (!(error instanceof SourceError && error.code === 'source-unreachable')) throw error
}
