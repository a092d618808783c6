import type { CredentialKeys } from './credential-keys.ts'
import { runtimeMembers, runtimeSettings, type SettingsSources } from './runtime-settings.ts'
import type { RuntimeSettings } from '../../launcher/wire.ts'
import type { RuntimeDesk } from '../api/runtime-desk.ts'
import type { Health } from '../apply/health.ts'
import type { Place } from '../apply/place.ts'
import { taskDigest } from '../apply/task-digest.ts'
import type { DesiredState } from '../model/desired-state.ts'
import type { Inventory } from '../model/inventory.ts'
import type { PlacedInstance } from '../model/placed-instance.ts'
import type { DriverName } from '../model/resource.ts'
import type { Seat } from '../model/seat.ts'
import type { Secret } from '../model/secret.ts'

/** Hands out settings of what was applied or is being applied, and nothing that is only planned. */
export interface Desk extends RuntimeDesk {
  readonly announce: (instance: PlacedInstance) => void
  readonly retire: (uid: string) => void
  /** What a new round knows: instances that are as declared are served from it. */
  refresh(desired: DesiredState, inventory: Inventory, secrets: ReadonlyMap<string, Secret>): void
}

/** How the editor of an instance signs people in. */
export type IdentityOf = (instance: PlacedInstance) => SettingsSources['identity']

export interface DeskDeps {
  readonly place: Place
  readonly base: SettingsSources['base']
  readonly seats: Readonly<Partial<Record<DriverName, Seat>>>
  readonly identity: IdentityOf
  readonly proofOf: SettingsSources['proofOf']
  readonly credentialKeys: Pick<CredentialKeys, 'inForce' | 'earlier' | 'forget'>
}

export const nothingRead: SettingsSources['desired'] = {
  flows: new Map(),
  credentials: new Map(),
  certificates: new Map(),
  users: new Map(),
}

/** What a launcher is handed of an instance, as its desk knows it. */
export function settingsOf(
  instance: PlacedInstance,
  deps: DeskDeps,
  known: Pick<SettingsSources, 'desired' | 'secrets'>,
): RuntimeSettings | undefined {
  const seat = deps.seats[instance.spec.driver]
  if (seat === undefined) return undefined
  return runtimeSettings(instance, { ...deps, ...known, seat, identity: deps.identity(instance) })
}

export function createDesk(deps: DeskDeps & { readonly health: Health }): Desk {
  const placed = new Map<string, PlacedInstance>()
  let desired = nothingRead
  let secrets: ReadonlyMap<string, Secret> = new Map()
  return {
    announce: (instance) => {
      placed.set(instance.uid, instance)
    },
    retire: (uid) => {
      placed.delete(uid)
      deps.health.forget(uid)
      deps.credentialKeys.forget(uid)
    },
    refresh: (next, inventory, known) => {
      desired = { ...next, ...stillNamed(placed.values(), desired, next) }
      secrets = known
      for (const entry of inventory.values()) {
        const spec = next.instances.get(entry.name)
        if (
          spec !== undefined &&
          entry.applied !== undefined &&
          !placed.has(entry.uid) &&
          taskDigest(spec) === taskDigest(entry.applied.spec)
        )
          placed.set(entry.uid, deps.place(entry, spec))
      }
    },
    settings: (uid) => {
      const instance = placed.get(uid)
      return instance && settingsOf(instance, deps, { desired, secrets })
    },
    members: (uid) => {
      const instance = placed.get(uid)
      return instance && runtimeMembers(instance, { ...deps, desired })
    },
    report: (uid, state) => {
      deps.health.report({ ...state, uid })
    },
  }
}

type Texts = Pick<SettingsSources['desired'], 'flows' | 'credentials' | 'certificates'>

/** The files of a revision, and those of earlier ones that an instance still runs on: one that is held back as it is. */
export function stillNamed(
  placed: Iterable<Pick<PlacedInstance, 'spec'>>,
  before: Texts,
  next: Texts,
): Texts {
  const texts = {
    flows: new Map(next.flows),
    credentials: new Map(next.credentials),
    certificates: new Map(next.certificates),
  }
  const keep = (kind: keyof Texts, digest: string | undefined): void => {
    const text = digest === undefined ? undefined : before[kind].get(digest)
    if (digest !== undefined && text !== undefined && !texts[kind].has(digest)) texts[kind].set(digest, text)
  }
  for (const { spec } of placed) {
    keep('flows', spec.flows?.digest)
    keep('credentials', spec.flows?.credentials?.digest)
    keep('certificates', spec.certificates?.digest)
  }
  return texts
}
