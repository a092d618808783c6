import { Ajv, type ValidateFunction } from 'ajv'
import { DriverError } from '../driver.ts'

/** What the engine answers, as far as it is read (Docker Engine API 1.41). It is data from outside until it was checked. */

/** One container of `GET /containers/json`. */
export interface Listed {
  readonly Id: string
  readonly Names: readonly string[]
  readonly Labels: { readonly [name: string]: string }
  readonly State: string
  /** For a person, such as `Exited (137) 2 minutes ago`. */
  readonly Status: string
  readonly NetworkSettings: Networks
}

export interface Networks {
  /** The address is empty while the container does not run. */
  readonly Networks: { readonly [name: string]: { readonly IPAddress: string } }
}

/** `GET /containers/{id}/json`. */
export interface Inspected {
  readonly Id: string
  readonly Name: string
  readonly State: { readonly Status: string; readonly ExitCode: number }
  readonly Config: {
    readonly Image: string
    readonly Env: readonly string[] | null
    readonly User: string
    readonly StopTimeout?: number
    readonly Labels: { readonly [name: string]: string } | null
  }
  readonly HostConfig: {
    readonly Memory: number
    readonly NanoCpus: number
    readonly RestartPolicy: { readonly Name: string }
    readonly LogConfig: { readonly Type: string; readonly Config: { readonly [name: string]: string } | null }
    readonly Tmpfs?: { readonly [path: string]: string } | null
    readonly ReadonlyRootfs: boolean
    readonly ExtraHosts: readonly string[] | null
    readonly CapAdd: readonly string[] | null
    readonly CapDrop: readonly string[] | null
    readonly SecurityOpt: readonly string[] | null
    readonly Privileged: boolean
    readonly PortBindings: { readonly [port: string]: unknown } | null
  }
  readonly Mounts: readonly {
    readonly Name?: string
    readonly Source: string
    readonly Destination: string
  }[]
  readonly NetworkSettings: Networks
}

export interface Volume {
  readonly Labels: { readonly [name: string]: string } | null
}

/** One line of `GET /events`. */
export interface EngineEvent {
  readonly Type: string
  readonly Action: string
  readonly Actor: { readonly ID: string; readonly Attributes: { readonly [name: string]: string } }
  readonly time: number
  readonly timeNano: number
}

const text = { type: 'string' } as const
const integer = { type: 'integer' } as const
const texts = { type: 'object', additionalProperties: text } as const
const list = { type: 'array', items: text } as const
const orNull = <T extends object>(schema: T) => ({ anyOf: [schema, { type: 'null' }] })

function object(required: { readonly [name: string]: object }, optional: object = {}) {
  return { type: 'object', required: Object.keys(required), properties: { ...required, ...optional } }
}

const networks = object({
  Networks: { type: 'object', additionalProperties: object({ IPAddress: text }) },
})

const ajv = new Ajv({ strict: true, allowUnionTypes: true })

const isListed = ajv.compile<readonly Listed[]>({
  type: 'array',
  items: object({
    Id: text,
    Names: list,
    Labels: texts,
    State: text,
    Status: text,
    NetworkSettings: networks,
  } satisfies Complete<Listed>),
})

const config = object(
  { Image: text, Env: orNull(list), User: text, Labels: orNull(texts) },
  { StopTimeout: integer },
)

const hostConfig = object(
  {
    Memory: integer,
    NanoCpus: integer,
    RestartPolicy: object({ Name: text }),
    LogConfig: object({ Type: text, Config: orNull(texts) }),
    ReadonlyRootfs: { type: 'boolean' },
    ExtraHosts: orNull(list),
    CapAdd: orNull(list),
    CapDrop: orNull(list),
    SecurityOpt: orNull(list),
    Privileged: { type: 'boolean' },
    PortBindings: orNull({ type: 'object' }),
  },
  { Tmpfs: orNull(texts) },
)

const isInspected = ajv.compile<Inspected>(
  object({
    Id: text,
    Name: text,
    State: object({ Status: text, ExitCode: integer }),
    Config: config,
    HostConfig: hostConfig,
    Mounts: { type: 'array', items: object({ Source: text, Destination: text }, { Name: text }) },
    NetworkSettings: networks,
  } satisfies Complete<Inspected>),
)

const isVolume = ajv.compile<Volume>(object({ Labels: orNull(texts) } satisfies Complete<Volume>))

const isEvent = ajv.compile<EngineEvent>(
  object({
    Type: text,
    Action: text,
    Actor: object({ ID: text, Attributes: texts }),
    time: integer,
    timeNano: integer,
  } satisfies Complete<EngineEvent>),
)

type Complete<T> = { readonly [K in keyof T]-?: object }

export const asListed = narrowed(isListed, 'a list of containers')
export const asInspected = narrowed(isInspected, 'a container')
export const asVolume = narrowed(isVolume, 'a volume')
export const asEvent = narrowed(isEvent, 'an event')

/** @throws DriverError `EngineAnswer`. */
function narrowed<T>(is: ValidateFunction<T>, what: string): (value: unknown) => T {
  return (value) => {
    if (is(value)) return value
    const [error] = is.errors ?? []
    const place = `${error?.instancePath ?? ''} ${error?.message ?? ''}`
    throw new DriverError('EngineAnswer', `the engine's answer is not ${what}: ${place}`)
  }
}
