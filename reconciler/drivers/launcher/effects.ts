import type { EffectRule } from '../../model/plan.ts'

/**
 * How a change is brought about where a launcher runs Node-RED, by the path of what changed: first the declaration
 * (`ResolvedInstance`), then the facts that an observation shows. `restart`: Node-RED starts again below its launcher.
 * `replace`: launcher and Node-RED start again. `update`: nobody feels it.
 */
export const launcherEffects: readonly EffectRule[] = [
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
  { path: 'resources.cpu', kind: 'update' },
  { path: 'editor', kind: 'restart' },
  { path: 'endpoints', kind: 'restart' },
  { path: 'functionModules', kind: 'restart' },
  { path: 'context', kind: 'restart' },
  { path: 'certificates', kind: 'restart' },
  { path: 'certificates.path', kind: 'update' },
  { path: 'stack', kind: 'replace' },
  { path: 'driver', kind: 'replace' },

  { path: 'state', kind: 'restart' },
  { path: 'settings', kind: 'restart' },
  { path: 'settings.js', kind: 'restart' },
]
