import type { Fields } from '../model/fields.ts'
import type { Sighting } from '../model/observed-state.ts'
import type { Credentials, PlacedInstance } from '../model/placed-instance.ts'
import type { DriverTraits } from '../model/plan.ts'
import type { DriverName } from '../model/resource.ts'

/** Something happened to an object of ours: look again. `uid` is absent where the driver cannot tell which. */
export interface DriverEvent {
  readonly uid?: string
}

export interface LogLine {
  /** RFC 3339. */
  readonly at: string
  readonly source: 'launcher' | 'node-red'
  readonly text: string
}

export interface LogOptions {
  /** How many of the last lines to begin with. */
  readonly tail: number
  readonly follow: boolean
}

/**
 * What brings instances about. A driver sees resolved instances and their credentials; never YAML, never Git.
 * Every call may be repeated: twice is the same as once. A failure is thrown as `DriverError`.
 */
export interface Driver extends AsyncDisposable, DriverTraits {
  readonly name: DriverName
  /** What `observe` shows of the instance when all is well. Pure. */
  expected(instance: PlacedInstance): Fields
  /** Every object that carries this fleet's id. Never writes. */
  observe(signal: AbortSignal): Promise<readonly Sighting[]>
  /** Brings the instance about. Settles when the engine has it; its health is seen by `observe`. */
  create(instance: PlacedInstance, credentials: Credentials, signal: AbortSignal): Promise<void>
  /** Makes what is there into what is asked for, whatever was changed from outside. The identity stays. */
  update(
    before: PlacedInstance,
    instance: PlacedInstance,
    credentials: Credentials,
    signal: AbortSignal,
  ): Promise<void>
  /** Stops it and removes it with its data. Absent is success. */
  remove(uid: string, signal: AbortSignal): Promise<void>
  readonly logs?: (uid: string, options: LogOptions, signal: AbortSignal) => AsyncIterable<LogLine>
  readonly events?: (signal: AbortSignal) => AsyncIterable<DriverEvent>
}

/** An engine call failed. It is tried again, with growing pauses, whatever the reason. */
export class DriverError extends Error {
  /** A word for conditions, such as `PortInUse`. */
  readonly reason: string

  constructor(reason: string, message: string, options: { cause?: unknown } = {}) {
    super(message, options)
    this.name = 'DriverError'
    this.reason = reason
  }
}
