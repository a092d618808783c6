import type { EffectRule } from '../../model/plan.ts'
import { launcherEffects } from '../launcher/effects.ts'

/** How docker brings a change about: what every launcher does, then what the engine can do with a container that is there. */
export const dockerEffects: readonly EffectRule[] = [
  ...launcherEffects,

  // They are variables of the container, which it has for life.
  { path: 'hostnames', kind: 'replace' },
  // Containers have ports of their own.
  { path: 'port', kind: 'update' },

  { path: 'docker', kind: 'replace' },
  { path: 'docker.network', kind: 'update' },
  { path: 'docker.allowInstallScripts', kind: 'restart' },

  { path: 'container', kind: 'replace' },
  { path: 'container.name', kind: 'update' },
  { path: 'container.memory', kind: 'update' },
  { path: 'container.swap', kind: 'update' },
  { path: 'container.pids', kind: 'update' },
  { path: 'container.cpu', kind: 'update' },
  { path: 'container.restart', kind: 'update' },
  { path: 'container.networks', kind: 'update' },
  { path: 'container.aliases', kind: 'update' },
  { path: 'containers', kind: 'update' },
  { path: 'launchers', kind: 'replace' },
]
