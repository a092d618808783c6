import { nothingRead, settingsOf, stillNamed, type Desk, type DeskDeps } from './desk.ts'
import { runtimeMembers } from './runtime-settings.ts'
import { digestOf } from '../model/digest.ts'
import type { Fields } from '../model/fields.ts'
import type { InventoryEntry } from '../model/inventory.ts'
import type { PlacedInstance } from '../model/placed-instance.ts'
import type { DriverName } from '../model/resource.ts'
import type { Secret } from '../model/secret.ts'
import type { Store } from '../store/store.ts'

export interface FollowerDeskDeps extends DeskDeps {
  readonly store: Pick<Store, 'announced'>
  /** Reads the keys anew that the leader keeps. */
  readonly renewKeys: () => Promise<void>
  /** Has the leader look at what runs. */
  readonly askToLook: () => Promise<void>
  /** What the configuration of a driver gives every instance. */
  readonly configuredOf: (driver: DriverName) => Fields | undefined
  readonly log: { warn(fields: object, message: string): void }
}

const configuredOtherwise =
  'the configuration is not that of the leader: instances are not told their settings here'

/**
 * The desk of a reconciler that does not lead: what was applied, or is being applied, is read from the store for each question, so
 * that a launcher is told the same whomever it asks. Flows and people are those of Git as this reconciler has read it: where it is
 * behind, there are no settings for the moment.
 */
export function createFollowerDesk(deps: FollowerDeskDeps): Desk {
  let desired = nothingRead
  let secrets: ReadonlyMap<string, Secret> = new Map()
  let warned = false
  /** Settings made from another configuration would be other settings, of which the launcher would take the last that it heard. */
  const isConfiguredLikeLeader = ({ name, driver, applied }: InventoryEntry): boolean => {
    const own = deps.configuredOf(driver)
    if (applied?.configured === undefined || own === undefined) return true
    if (digestOf(applied.configured) === digestOf(own)) return true
    if (!warned) deps.log.warn({ instance: name, leader: applied.configured, here: own }, configuredOtherwise)
    warned = true
    return false
  }
  const placed = async (uid: string): Promise<PlacedInstance | undefined> => {
    const found = await deps.store.announced(uid)
    if (found === undefined || !isConfiguredLikeLeader(found.entry)) return undefined
    const spec = found.spec ?? found.entry.applied?.spec
    return spec && deps.place(found.entry, spec)
  }
  return {
    announce: () => undefined,
    retire: () => undefined,
    refresh: (next, inventory, known) => {
      const applied = [...inventory.values()].flatMap((entry) => entry.applied ?? [])
      desired = { ...next, ...stillNamed(applied, desired, next) }
      secrets = known
    },
    settings: async (uid) => {
      const instance = await placed(uid)
      if (instance === undefined) return undefined
      if (deps.credentialKeys.inForce(uid, instance.spec) === undefined) await deps.renewKeys()
      return settingsOf(instance, deps, { desired, secrets })
    },
    members: async (uid) => {
      const instance = await placed(uid)
      return instance && runtimeMembers(instance, { ...deps, desired })
    },
    report: async () => deps.askToLook(),
  }
}
