import type { EffectRule } from '../../model/plan.ts'
import { launcherEffects } from '../launcher/effects.ts'

/** How localfs brings a change about: what every launcher does, then its own. */
export const localfsEffects: readonly EffectRule[] = [
  ...launcherEffects,

  // An image means nothing without containers.
  { path: 'stack.image', kind: 'update' },
  { path: 'port', kind: 'replace' },

  // The launcher listens there too.
  { path: 'localfs.host', kind: 'replace' },
  { path: 'localfs.allowInstallScripts', kind: 'restart' },

  { path: 'directory', kind: 'replace' },
  { path: 'launchers', kind: 'replace' },
]
