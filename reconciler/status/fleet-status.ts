import type { DesiredState } from '../model/desired-state.ts'
import type { Inventory } from '../model/inventory.ts'
import type { Leadership } from '../model/lease.ts'
import type { ObservedState } from '../model/observed-state.ts'
import type { ActionKind, Plan } from '../model/plan.ts'
import type { Revision } from '../model/revision.ts'
import type { StatusRecord } from '../model/status-record.ts'

/** Everything the reconciler knows about its fleet at one moment. Immutable: a change makes a new one. */
export interface FleetStatus {
  readonly fleet: string
  readonly source: {
    readonly description: string
    /** The revision in force. */
    readonly revision?: Revision
    /** When the source was last read with success. RFC 3339. */
    readonly readAt?: string
    /** Why it could not be read, and since when. */
    readonly error?: { readonly code: string; readonly message: string; readonly since: string }
  }
  /** Why nothing can be written to the store, and since when; absent where it can. */
  readonly store?: { readonly code: string; readonly message: string; readonly since: string } | undefined
  /** How this reconciler stands to those that share its store; absent for a run that ends by itself. */
  readonly leadership?: Leadership
  readonly desired?: DesiredState
  readonly inventory: Inventory
  readonly observed?: ObservedState
  readonly observedAt?: string
  /** The plan of the last round: what is or was left to do. */
  readonly plan?: Plan
  /** By name of the instance. */
  readonly instances: ReadonlyMap<string, StatusRecord>
  /** false until the first round has ended. */
  readonly ready: boolean
}

/** Something happened that a watcher wants to hear of. */
export type FleetEvent =
  | { readonly type: 'revision'; readonly revision: Revision }
  | { readonly type: 'plan'; readonly plan: Plan }
  | {
      readonly type: 'action'
      readonly instance: string
      readonly action: ActionKind
      readonly stage: 'begun' | 'ready' | 'failed' | 'superseded'
      readonly message?: string
      /** RFC 3339. */
      readonly at: string
    }
  | { readonly type: 'status'; readonly record: StatusRecord }

export interface FleetStatusFeed {
  current(): FleetStatus
  /** Returns what ends the subscription. */
  subscribe(listener: (event: FleetEvent) => void): () => void
}
