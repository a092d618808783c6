import type { LauncherState, RuntimeSettings } from '../../launcher/wire.ts'

/** What the runtime door serves: settings out, states in. */
export interface RuntimeDesk {
  /** The settings of an instance; undefined where it is not one of ours, or a secret it needs is missing. */
  settings(uid: string): RuntimeSettings | undefined
  report(uid: string, state: LauncherState): void
}
