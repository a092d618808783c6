import { Ajv } from 'ajv'
import type Docker from 'dockerode'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { pullError } from './pull-error.ts'
import type { RegistryLogin } from './registry-logins.ts'

/** How much of an image is here, for a person, such as `2 of 5 layers, 41 %`. */
export type OnProgress = (progress: string) => void

export interface Pull {
  readonly image: string
  /** Absent: as anybody. */
  readonly login?: RegistryLogin | undefined
  readonly onProgress: OnProgress
}

/**
 * Has the engine pull an image (`POST /images/create`).
 * @throws DriverError `ImageUnknown`, `PullDenied`, `PullFailed` or `EngineDiskFull`, with the engine's words.
 */
export async function pullImage(
  docker: Docker,
  { image, login, onProgress }: Pull,
  abortSignal: AbortSignal,
): Promise<void> {
  const auth = login && { ...login, password: login.password.reveal() }
  const failed = (error: unknown) => pullError({ image, known: login !== undefined, error })
  const asking = docker.createImage(auth, { fromImage: image, abortSignal })
  const stream = await asking.catch((error: unknown) => {
    throw failed(error)
  })
  const input = new Readable().wrap(stream)
  // Where the connection breaks after the last line that is read, nobody else hears of it.
  input.on('error', () => undefined)
  try {
    await follow(input, { onProgress, failed }, abortSignal)
  } finally {
    input.destroy()
  }
}

interface Following {
  readonly onProgress: OnProgress
  readonly failed: (said: string) => unknown
}

async function follow(
  input: Readable,
  { onProgress, failed }: Following,
  abortSignal: AbortSignal,
): Promise<void> {
  const layers = new Map<string, Layer>()
  for await (const line of createInterface({ input })) {
    abortSignal.throwIfAborted()
    const told = parsed(line)
    if (told.error !== undefined) throw failed(told.error)
    const { id, status = '' } = told
    // The first line is about the tag.
    if (id === undefined || status.startsWith('Pulling from ')) continue
    layers.set(id, layerOf({ ...told, status }, layers.get(id)))
    onProgress(progressOf([...layers.values()]))
  }
}

/** In bytes; `total` is 0 until it is told. */
interface Layer {
  readonly current: number
  readonly total: number
  readonly done: boolean
  /** It broke off, and the engine waits before it goes on. */
  readonly broken: boolean
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

const nothing: Layer = { current: 0, total: 0, done: false, broken: false }

function layerOf({ status = '', progressDetail = {} }: Told, before = nothing): Layer {
  const broken = status.startsWith('Retrying')
  const done = before.done || /^(?:Pull complete|Already exists|Download complete)$/.test(status)
  const total = Math.max(progressDetail.total ?? 0, before.total)
  // Unpacking counts from nothing again, and a new attempt too.
  const current = done ? total : Math.max(progressDetail.current ?? 0, before.current)
  return { done, total, current, broken }
}

/** Pure. */
export function progressOf(layers: readonly Layer[]): string {
  const sum = (field: 'total' | 'current') => layers.reduce((all, layer) => all + layer[field], 0)
  const total = sum('total')
  const done = layers.filter((layer) => layer.done).length
  const share = total === 0 ? 0 : Math.floor((100 * sum('current')) / total)
  const broken = layers.some((layer) => layer.broken) ? '; the connection broke, the engine tries again' : ''
  return `${done} of ${layers.length} layers, ${share} %${broken}`
}
