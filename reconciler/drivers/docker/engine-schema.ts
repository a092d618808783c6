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
  readonly Networks: {
    readonly [name: string]: { readonly IPAddress: string; readonly Aliases?: readonly string[] | null }
  }
}

/** `GET /containers/{id}/json`. */
export interface Inspected {
  readonly Id: string
  readonly Name: string
  /** The id of its image. */
  readonly Image: string
  /** What the image gives its containers, as another call tells; absent where the image is gone. */
  readonly FromImage?: ImageConfig
  readonly State: { readonly Status: string; readonly ExitCode: number }
  readonly Config: ImageConfig & {
    readonly Image: string
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
    /** Of memory and swap together; -1: no limit. */
    readonly MemorySwap?: number
    readonly MemoryReservation?: number
    readonly PidsLimit?: number | null
    readonly CpuShares?: number
    readonly CpuPeriod?: number
    readonly CpuQuota?: number
    readonly CpusetCpus?: string
    readonly CpusetMems?: string
    readonly BlkioWeight?: number
    readonly PidMode?: string
    readonly IpcMode?: string
    readonly UTSMode?: string
    readonly UsernsMode?: string
    readonly GroupAdd?: readonly string[] | null
    readonly Devices?: readonly { readonly PathOnHost: string }[] | null
    readonly DeviceCgroupRules?: readonly string[] | null
    readonly DeviceRequests?: readonly { readonly Driver: string }[] | null
    readonly MaskedPaths?: readonly string[] | null
    readonly Dns?: readonly string[] | null
    readonly DnsOptions?: readonly string[] | null
    readonly DnsSearch?: readonly string[] | null
  }
  readonly Mounts: readonly {
    readonly Name?: string
    readonly Source: string
    readonly Destination: string
  }[]
  readonly NetworkSettings: Networks
}

/** `Config` of `GET /images/{id}/json`, which a container takes over where it says nothing else. */
export interface ImageConfig {
  readonly Env: readonly string[] | null
  readonly Entrypoint?: readonly string[] | null
  readonly Cmd?: readonly string[] | null
  readonly Healthcheck?: object | null
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
  Networks: { type: 'object', additionalProperties: object({ IPAddress: text }, { Aliases: orNull(list) }) },
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

const command = {
  Entrypoint: orNull(list),
  Cmd: orNull(list),
  Healthcheck: orNull({ type: 'object' }),
}

const config = object(
  { Image: text, Env: orNull(list), User: text, Labels: orNull(texts) },
  { StopTimeout: integer, ...command },
)

const lists = orNull(list)
const listOf = (name: string) => orNull({ type: 'array', items: object({ [name]: text }) })

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
  {
    Tmpfs: orNull(texts),
    MemorySwap: integer,
    MemoryReservation: integer,
    PidsLimit: orNull(integer),
    CpuShares: integer,
    CpuPeriod: integer,
    CpuQuota: integer,
    CpusetCpus: text,
    CpusetMems: text,
    BlkioWeight: integer,
    PidMode: text,
    IpcMode: text,
    UTSMode: text,
    UsernsMode: text,
    GroupAdd: lists,
    Devices: listOf('PathOnHost'),
    DeviceCgroupRules: lists,
    DeviceRequests: listOf('Driver'),
    MaskedPaths: lists,
    Dns: lists,
    DnsOptions: lists,
    DnsSearch: lists,
  },
)

const isInspected = ajv.compile<Inspected>(
  object({
    Id: text,
    Name: text,
    Image: text,
    State: object({ Status: text, ExitCode: integer }),
    Config: config,
    HostConfig: hostConfig,
    Mounts: { type: 'array', items: object({ Source: text, Destination: text }, { Name: text }) },
    NetworkSettings: networks,
  } satisfies Complete<Omit<Inspected, 'FromImage'>>),
)

const isVolume = ajv.compile<Volume>(object({ Labels: orNull(texts) } satisfies Complete<Volume>))

const isImage = ajv.compile<{ readonly Config: ImageConfig }>(
  object({ Config: object({ Env: orNull(list) }, command) }),
)

const isInfo = ajv.compile<{ readonly SwapLimit?: boolean }>(object({}, { SwapLimit: { type: 'boolean' } }))

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
export const asImage = narrowed(isImage, 'an image')
export const asInfo = narrowed(isInfo, 'a description of it')
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
