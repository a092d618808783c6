import type { Secret } from './secret.ts'
import type { ResolvedInstance } from './resource.ts'

/** An instance with the identity and the place it was given: what a driver is asked to bring about. */
export interface PlacedInstance {
  readonly uid: string
  readonly fleet: string
  readonly port?: number
  readonly spec: ResolvedInstance
  /** The digest of the settings that the runtime door hands out for `spec`; the launcher reports it back. */
  readonly settings: string
}

/** What an instance proves itself with, and what proves the reconciler to its launcher. */
export interface Credentials {
  readonly runtimeUrl: string
  readonly runtimeToken: Secret
  readonly adminToken: Secret
}
