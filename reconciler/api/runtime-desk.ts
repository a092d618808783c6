import type { LauncherState, RuntimeMembers, RuntimeSettings } from '../../launcher/wire.ts'

/** At once, or when it was read. */
type Soon<T> = T | Promise<T>

/** What the runtime door serves: settings out, states in. */
export interface RuntimeDesk {
  /** The settings of an instance; undefined where it is not one of ours, or a secret it needs is missing. */
  settings(uid: string): Soon<RuntimeSettings | undefined>
  /** Who may come in at most, whatever is missing; undefined where it is not one of ours, or not known yet. */
  members(uid: string): Soon<RuntimeMembers | undefined>
  report(uid: string, state: LauncherState): Soon<void>
}
