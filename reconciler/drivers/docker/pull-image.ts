import { Ajv } from 'ajv'
import type Docker from 'dockerode'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { DriverError } from '../driver.ts'

/** How much of an image is here, for a person, such as `2 of 5 layers, 41 %`. */
export type OnProgress = (progress: string) => void

/**
 * Has the engine pull an image (`POST /images/create`).
 * @throws DriverError `PullFailed` with the engine's words.
 */
export async function pullImage(
  docker: Docker,
  { image, onProgress }: { readonly image: string; readonly onProgress: OnProgress },
  abortSignal: AbortSignal,
): Promise<void> {
  const stream = await docker.createImage({ fromImage: image, abortSignal })
  const layers = new Map<string, Layer>()
  for await (const line of createInterface({ input: new Readable().wrap(stream) })) {
    abortSignal.throwIfAborted()
    const told = parsed(line)
    if (told.error !== undefined)
      throw new DriverError('PullFailed', `the image ${image} could not be pulled: ${told.error}`)
    if (told.id !== undefined) layers.set(told.id, layerOf(told, layers.get(told.id)))
    onProgress(progressOf([...layers.values()]))
  }
}

/** In bytes; `total` is 0 until it is told. */
interface Layer {
  readonly current: number
  readonly total: number
  readonly done: boolean
}

interface Told {
  readonly id?: string
  readonly status?: string
  readonly error?: string
  readonly progressDetail?: { readonly current?: number; readonly total?: number }
}

const isTold = new Ajv().compile<Told>({
  type: 'object',
  properties: {
    id: { type: 'string' },
    status: { type: 'string' },
    error: { type: 'string' },
    progressDetail: {
      type: 'object',
      properties: { current: { type: 'number' }, total: { type: 'number' } },
    },
  },
})

/** What is not as the engine describes it tells nothing. */
function parsed(line: string): Told {
  const value: unknown = line === '' ? {} : JSON.parse(line)
  return isTold(value) ? value : {}
}

const nothing: Layer = { current: 0, total: 0, done: false }

function layerOf({ status = '', progressDetail = {} }: Told, before = nothing): Layer {
  const done = before.done || /^(?:Pull complete|Already exists|Download complete)$/.test(status)
  const total = Math.max(progressDetail.total ?? 0, before.total)
  return { done, total, current: done ? total : Math.max(progressDetail.current ?? 0, before.current) }
}

/** Pure. */
export function progressOf(layers: readonly Layer[]): string {
  const total = layers.reduce((sum, layer) => sum + layer.total, 0)
  const current = layers.reduce((sum, layer) => sum + layer.current, 0)
  const done = layers.filter((layer) => layer.done).length
  const share = total === 0 ? 0 : Math.floor((100 * current) / total)
  return `${done} of ${layers.length} layers, ${share} %`
}
