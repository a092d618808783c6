import { readWithinMs, unlessGone, type Calls } from './engine-call.ts'
import { asImage, asInfo, type ImageConfig, type Inspected } from './engine-schema.ts'

/** So many images are remembered: their ids say what is in them, so that this is never out of date. */
const remembered = 100

/** What the description of a container is to be read with. It changes so rarely that it is asked for once. */
export interface EngineFacts {
  complete(inspected: Inspected, signal: AbortSignal): Promise<Inspected>
}

export function createEngineFacts({ docker, bounded }: Calls): EngineFacts {
  const images = new Map<string, ImageConfig>()
  let limitsSwap: boolean | undefined

  async function imageOf(id: string, signal: AbortSignal): Promise<ImageConfig | undefined> {
    const known = images.get(id)
    if (known !== undefined) return known
    const ask = async () => docker.getImage(id).inspect()
    const found = await unlessGone(bounded('look at an image', readWithinMs, ask, signal))
    if (found === undefined) return undefined
    const { Config } = asImage(found)
    images.set(id, Config)
    for (const oldest of images.keys()) if (images.size > remembered) images.delete(oldest)
    return Config
  }

  async function swapLimited(signal: AbortSignal): Promise<boolean> {
    const ask = async (): Promise<unknown> => docker.info()
    limitsSwap ??= asInfo(await bounded('describe itself', readWithinMs, ask, signal)).SwapLimit ?? true
    return limitsSwap
  }

  return {
    async complete(inspected, signal) {
      const FromImage = await imageOf(inspected.Image, signal)
      const { HostConfig } = inspected
      // A kernel that does not count swap limits none, and the engine says so of every container.
      const uncounted = HostConfig.MemorySwap === -1 && !(await swapLimited(signal))
      return {
        ...inspected,
        ...(uncounted ? { HostConfig: { ...HostConfig, MemorySwap: HostConfig.Memory } } : {}),
        ...(FromImage === undefined ? {} : { FromImage }),
      }
    },
  }
}
