import type { Driver } from '../drivers/driver.ts'
import type { Inventory } from '../model/inventory.ts'
import type { Observation, ObservedState } from '../model/observed-state.ts'
import type { DriverName } from '../model/resource.ts'

/** How long a driver may take to look at everything. In milliseconds. */
const patience = 30_000

/**
 * What every driver sees. A driver that fails or hangs makes its instances unknown, never absent, and keeps no other
 * driver's from being seen.
 */
export async function observe(
  drivers: ReadonlyMap<DriverName, Driver>,
  inventory: Inventory,
  signal: AbortSignal,
): Promise<ObservedState> {
  const observations = new Map<string, Observation>()
  const unreachable = new Map<string, string>()
  await Promise.all(
    [...drivers.values()].map(async (driver) => {
      try {
        const seen = await driver.observe(AbortSignal.any([signal, AbortSignal.timeout(patience)]))
        for (const sighting of seen) observations.set(sighting.uid, sighting)
      } catch (error) {
        signal.throwIfAborted()
        unreachable.set(driver.name, error instanceof Error ? error.message : String(error))
      }
    }),
  )
  for (const { uid, driver } of inventory.values()) {
    if (observations.has(uid)) continue
    const cause =
      unreachable.get(driver) ?? (drivers.has(driver) ? undefined : `the driver ${driver} is not configured`)
    observations.set(uid, cause === undefined ? { kind: 'absent', uid } : { kind: 'unknown', uid, cause })
  }
  return { observations, unreachable }
}
