import { digestOf } from '../model/digest.ts'
import type { Fields } from '../model/fields.ts'
import type { InventoryEntry } from '../model/inventory.ts'
import type { PlacedInstance } from '../model/placed-instance.ts'
import type { DriverName, ResolvedInstance } from '../model/resource.ts'

/** An instance with its identity and port, and the digest of the settings that its launcher will be handed. */
export type Place = (entry: Pick<InventoryEntry, 'uid' | 'port'>, spec: ResolvedInstance) => PlacedInstance

/** `drivers`: the settings hold what their configuration gives every instance (`Driver.configured`). */
export function createPlace(
  fleet: string,
  drivers: ReadonlyMap<DriverName, { readonly configured: Fields }>,
): Place {
  const digests = new WeakMap<ResolvedInstance, string>()
  const digest = (spec: ResolvedInstance): string => {
    const known = digests.get(spec) ?? settingsDigest(spec, drivers.get(spec.driver)?.configured ?? {})
    digests.set(spec, known)
    return known
  }
  return ({ uid, port }, spec) => ({
    uid,
    fleet,
    spec,
    settings: digest(spec),
    ...(port === undefined ? {} : { port }),
  })
}

/** Like the digest of the settings, but the same whoever has access: what a launcher has beside its members. */
export function createBase(
  drivers: ReadonlyMap<DriverName, { readonly configured: Fields }>,
): (spec: ResolvedInstance) => string {
  return (spec) => settingsDigest({ ...spec, access: {} }, drivers.get(spec.driver)?.configured ?? {})
}

/** Differs whenever the launcher must be told: in everything but the name, the port, and whether the instance runs. */
function settingsDigest(spec: ResolvedInstance, configured: Fields): string {
  const { name: _n, driver: _d, state: _s, team: _t, port: _p, ...settings } = spec
  return digestOf({ settings, configured })
}
