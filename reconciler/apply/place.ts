import { digestOf } from '../model/digest.ts'
import type { InventoryEntry } from '../model/inventory.ts'
import type { PlacedInstance } from '../model/placed-instance.ts'
import type { ResolvedInstance } from '../model/resource.ts'

const digests = new WeakMap<ResolvedInstance, string>()

/** An instance with its identity and port, and the digest of the settings that its launcher will be handed. */
export function place(
  fleet: string,
  entry: Pick<InventoryEntry, 'uid' | 'port'>,
  spec: ResolvedInstance,
): PlacedInstance {
  const { uid, port } = entry
  return { uid, fleet, spec, settings: settingsDigest(spec), ...(port === undefined ? {} : { port }) }
}

/** Differs whenever the launcher must be told: in everything but the name, and where and whether the instance runs. */
function settingsDigest(spec: ResolvedInstance): string {
  const known = digests.get(spec)
  if (known !== undefined) return known
  const { name: _n, driver: _d, state: _s, hostnames: _h, team: _t, port: _p, ...settings } = spec
  const digest = digestOf(settings)
  digests.set(spec, digest)
  return digest
}
