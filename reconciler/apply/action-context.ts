import type { Health } from './health.ts'
import type { Place } from './place.ts'
import type { Driver } from '../drivers/driver.ts'
import type { Credentials, PlacedInstance } from '../model/placed-instance.ts'
import type { DriverName } from '../model/resource.ts'
import type { Store } from '../store/store.ts'
import type { Clock } from '../telemetry/clock.ts'

/** What it takes to carry out one action of a plan. */
export interface ActionContext {
  readonly store: Store
  readonly drivers: ReadonlyMap<DriverName, Driver>
  readonly clock: Clock
  readonly newId: () => string
  readonly health: Health
  readonly place: Place
  readonly credentialsOf: (uid: string) => Credentials & { readonly tokenSha256: string }
  /** Which ports a driver gives its instances: from `first` up, and `companion` above each as well. */
  readonly ports: ReadonlyMap<DriverName, { readonly first: number; readonly companion: number }>
  /** Keeps the keys that the instance encrypts with, before it is handed them. Twice is the same as once. */
  readonly keepKeys: (instance: PlacedInstance) => Promise<void>
  /** Called before a driver is, so that the launcher finds its settings at the runtime door. */
  readonly announce: (instance: PlacedInstance) => void
  readonly retire: (uid: string) => void
}
