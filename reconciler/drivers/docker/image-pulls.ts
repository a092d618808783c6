import type { Logger } from 'pino'
import type { RegistryAccount } from '../../model/engine-address.ts'
import type { Clock } from '../../telemetry/clock.ts'
import type { DriverEvent } from '../driver.ts'
import { createSharedWork } from '../shared-work.ts'
import type { Engine } from './engine.ts'
import { loginFor } from './registry-logins.ts'

/** Pulls of images: one at a time for each image, however many instances wait for it. */
export interface ImagePulls extends AsyncDisposable {
  /** Settles when the engine has the image. @throws DriverError */
  pull(image: string, waiting: Waiting, signal: AbortSignal): Promise<void>
  /** The instances that wait for their image, by uid, each with what a person is told of it. */
  waiting(): ReadonlyMap<string, Told>
  /** What others tell, and that a pull went on, until the others have told all. */
  alongside(others: AsyncIterable<DriverEvent>): AsyncIterable<DriverEvent>
}

interface Waiting {
  readonly uid: string
  readonly name: string
}

export interface Told {
  readonly name: string
  readonly message: string
}

export interface PullParts {
  readonly engine: Pick<Engine, 'pull'>
  readonly registries: readonly RegistryAccount[]
  readonly clock: Clock
  readonly log: Pick<Logger, 'info'>
}

/** In milliseconds: the engine tells many times a second how far it is. */
const tellEveryMs = 5_000

export function createImagePulls({ engine, registries, clock, log }: PullParts): ImagePulls {
  const shared = createSharedWork<void>()
  const progress = new Map<string, string>()
  const waiting = new Map<string, Waiting & { readonly image: string }>()
  const listeners = new Set<() => void>()

  /** Says how far it is, at once and then now and then. */
  function teller(image: string): (told: string) => void {
    let next = 0
    return (told) => {
      progress.set(image, told)
      const now = clock.now().getTime()
      if (now < next) return
      next = now + tellEveryMs
      log.info({ image, progress: told }, 'image is pulled')
      for (const listener of listeners) listener()
    }
  }

  async function pull(image: string, signal: AbortSignal): Promise<void> {
    log.info({ image }, 'image is asked for')
    progress.set(image, 'its registry is asked')
    try {
      const login = await loginFor(image, registries, signal)
      await engine.pull({ image, login, onProgress: teller(image) }, signal)
      log.info({ image }, 'image was pulled')
    } finally {
      progress.delete(image)
    }
  }

  return {
    async pull(image, { uid, name }, signal) {
      waiting.set(uid, { uid, name, image })
      try {
        await shared.join(image, async (abort) => pull(image, abort), signal)
      } finally {
        waiting.delete(uid)
      }
    },
    waiting: () =>
      new Map(
        [...waiting].map(([uid, { name, image }]) => [
          uid,
          { name, message: `the image ${image} is pulled: ${progress.get(image) ?? 'it begins'}` },
        ]),
      ),
    alongside: (others) => alongside(others, listeners),
    [Symbol.asyncDispose]: async () => shared[Symbol.asyncDispose](),
  }
}

/** One stream of both; it ends when the others end, or when nobody listens any more. */
function alongside(
  others: AsyncIterable<DriverEvent>,
  listeners: Set<() => void>,
): ReadableStream<DriverEvent> {
  let stop = () => {}
  return new ReadableStream<DriverEvent>({
    start(controller) {
      const listener = () => controller.enqueue({})
      listeners.add(listener)
      stop = () => void listeners.delete(listener)
      const tell = async () => {
        try {
          for await (const event of others) {
            if (!listeners.has(listener)) return
            controller.enqueue(event)
          }
          if (listeners.has(listener)) controller.close()
        } catch (error) {
          controller.error(error)
        } finally {
          stop()
        }
      }
      void tell()
    },
    cancel: () => stop(),
  })
}
