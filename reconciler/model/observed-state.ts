import type { Fields } from './fields.ts'
import type { FlowNode } from './flow-nodes.ts'

/** The phases of an instance. */
export const phases = [
  'pending',
  'installing',
  'starting',
  'running',
  'safe',
  'crashed',
  'stopping',
  'stopped',
  'unknown',
] as const
export type Phase = (typeof phases)[number]

/** Flows that an editor deployed over declared ones. */
export interface FlowsEdit {
  readonly nodes: readonly FlowNode[]
  /** Who deployed them, and when (RFC 3339). */
  readonly by?: string
  readonly at?: string
}

/** What a driver saw of one object that carries this fleet's id. */
export type Sighting =
  | {
      readonly kind: 'present'
      readonly uid: string
      /** The name the object carries. */
      readonly name: string
      /**
       * The facts that the driver can see; compared with what it said it would be (`Driver.expected`). A path that is
       * expected but missing here cannot be judged now, and is no drift; what is gone is `null`.
       */
      readonly fields: Fields
      readonly phase: Phase
      /** Why, for a person: the last error, the exit code. */
      readonly message?: string
      /** What newer settings need is being installed, while those in force stay. */
      readonly installing?: true
      /** What it said last before it ended, where it has crashed or is in safe mode: for those who may read its log. */
      readonly lastLines?: readonly string[]
      /** What runs in place of the flows that were applied; absent where they are as applied, or it is not known. */
      readonly edit?: FlowsEdit
      /** Why that could not be read from the store. */
      readonly damaged?: string
    }
  | { readonly kind: 'unknown'; readonly uid: string; readonly cause: string }

/** One instance as observed. Unknown never leads to a deletion. */
export type Observation = Sighting | { readonly kind: 'absent'; readonly uid: string }

export interface ObservedState {
  readonly observations: ReadonlyMap<string, Observation>
  /** Drivers that could not be asked, with the cause: everything of theirs is unknown. */
  readonly unreachable: ReadonlyMap<string, string>
}
