import type { LauncherLogLine, LauncherLogPage, LauncherSample } from '../../launcher/wire.ts'
import type { Fields } from '../model/fields.ts'
import type { Sighting } from '../model/observed-state.ts'
import type { Credentials, PlacedInstance } from '../model/placed-instance.ts'
import type { DriverTraits } from '../model/plan.ts'
import type { DriverName } from '../model/resource.ts'

/** Something happened to an object of ours: look again. `uid` is absent where the driver cannot tell which. */
export interface DriverEvent {
  readonly uid?: string
}

export type LogLine = LauncherLogLine

export interface LogOptions {
  /** How many of the last lines to begin with. */
  readonly tail: number
  readonly follow: boolean
  /** RFC 3339: begin with all lines from then on, and not with so many last ones. */
  readonly since?: string
}

export interface LogPageOptions {
  /** `next` or `previous` of another page; absent: the newest lines. */
  readonly cursor?: string
  /** At most so many lines. */
  readonly limit: number
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
  /**
   * Has what runs end the rights that have ended at the runtime door, and do nothing else: it needs nothing but that it answers.
   * False: nobody answers. @throws DriverError where it cannot.
   */
  withdraw(uid: string, signal: AbortSignal): Promise<boolean>
  /** Stops it and removes it with its data. Absent is success. */
  remove(uid: string, signal: AbortSignal): Promise<void>
  readonly logs?: (uid: string, options: LogOptions, signal: AbortSignal) => AsyncIterable<LogLine>
  readonly logPage?: (uid: string, options: LogPageOptions, signal: AbortSignal) => Promise<LauncherLogPage>
  /** How it was during the last hour, or since a moment (RFC 3339); nothing where it does not run. */
  readonly samples?: (
    uid: string,
    since: string | undefined,
    signal: AbortSignal,
  ) => Promise<readonly LauncherSample[]>
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
