import type { Labels } from './container-spec.ts'
import { changeWithinMs, readWithinMs, unlessGone, type Ask, type Calls } from './engine-call.ts'
import { asVolume } from './engine-schema.ts'

export interface Volumes {
  /** Makes the volume where it is missing; gives the labels of the one that is there. */
  ensureVolume(name: string, carrying: Labels, signal: AbortSignal): Promise<Labels>
  /** Undefined: there is no such volume. */
  volumeLabels(name: string, signal: AbortSignal): Promise<Labels | undefined>
  removeVolume(name: string, signal: AbortSignal): Promise<void>
}

export function volumesOf({ docker, bounded, change }: Calls): Volumes {
  /** Those that were missing when we began to make them, until the engine has said that it has. */
  const begun = new Set<string>()

  async function volumeLabels(name: string, signal: AbortSignal): Promise<Labels | undefined> {
    const look = async (abortSignal: AbortSignal) => docker.getVolume(name).inspect({ abortSignal })
    const found = await unlessGone(bounded('look at a volume', readWithinMs, look, signal))
    return found === undefined ? undefined : (asVolume(found).Labels ?? {})
  }

  async function removeVolume(name: string, signal: AbortSignal): Promise<void> {
    const ask: Ask<unknown> = async (abortSignal) => docker.getVolume(name).remove({ abortSignal })
    await unlessGone(bounded(`remove the volume ${name}`, changeWithinMs, ask, signal))
  }

  return {
    volumeLabels,
    removeVolume,
    ensureVolume: async (name, carrying, signal) => {
      const found = await volumeLabels(name, signal)
      const whole =
        found !== undefined && Object.entries(carrying).every(([key, value]) => found[key] === value)
      // An engine whose disk is full leaves one without its labels, which it would give out as it is from then on.
      if (found !== undefined && !whole && begun.has(name)) await removeVolume(name, signal)
      else if (found !== undefined) return found
      begun.add(name)
      const make: Ask<unknown> = async (abortSignal) =>
        docker.createVolume({ Name: name, Labels: { ...carrying }, abortSignal })
      await change(`make the volume ${name}`, make, signal)
      begun.delete(name)
      return (await volumeLabels(name, signal)) ?? {}
    },
  }
}
