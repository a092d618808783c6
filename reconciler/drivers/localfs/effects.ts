import type { EffectRule } from '../../model/plan.ts'

/**
 * How localfs brings a change about, by the path of what changed: first the declaration (`ResolvedInstance`), then the
 * configuration, then the facts that an observation shows. `restart`: Node-RED starts again below its launcher. `replace`: launcher and
 * Node-RED start again. `update`: nobody feels it.
 */
export const localfsEffects: readonly EffectRule[] = [
  { path: '', kind: 'restart' },

  { path: 'name', kind: 'update' },
  { path: 'team', kind: 'update' },
  { path: 'access', kind: 'update' },
  // Where sign-ins may lead back to: Node-RED reads it when it starts.
  { path: 'hostnames', kind: 'restart' },
  { path: 'flows', kind: 'restart' },
  // The digest says what the flows are; where their file lies does not matter to the instance.
  { path: 'flows.path', kind: 'update' },
  { path: 'flows.credentials.path', kind: 'update' },
  // Who may edit is told to an editor that runs.
  { path: 'flows.onEdit', kind: 'update' },
  { path: 'env', kind: 'restart' },
  { path: 'modules', kind: 'restart' },
  { path: 'resources', kind: 'restart' },
  // One machine has no share of a processor to give; an image means nothing without containers.
  { path: 'resources.cpu', kind: 'update' },
  { path: 'stack.image', kind: 'update' },
  { path: 'editor', kind: 'restart' },
  { path: 'endpoints', kind: 'restart' },
  { path: 'stack', kind: 'replace' },
  { path: 'port', kind: 'replace' },
  { path: 'driver', kind: 'replace' },

  // The launcher listens there too.
  { path: 'localfs.host', kind: 'replace' },
  { path: 'localfs.allowInstallScripts', kind: 'restart' },

  { path: 'state', kind: 'restart' },
  { path: 'settings', kind: 'restart' },
  { path: 'settings.js', kind: 'restart' },
  { path: 'directory', kind: 'replace' },
  { path: 'launchers', kind: 'replace' },
]
