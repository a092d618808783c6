import type { LauncherPhase, LauncherState } from '../../../launcher/wire.ts'
import { assertNever } from '../../model/assert-never.ts'
import type { Fields } from '../../model/fields.ts'
import type { Json } from '../../model/json.ts'
import type { PlacedInstance } from '../../model/placed-instance.ts'
import type { ResolvedInstance } from '../../model/resource.ts'

/** What an instance declares that only an observation of it can be held against. */
export interface Declares {
  readonly flows: boolean
  readonly modules: readonly string[]
}

export function declaresOf(spec: ResolvedInstance): Declares {
  return { flows: spec.flows !== undefined, modules: Object.keys(spec.modules).toSorted() }
}

/** What a launcher tells of an instance when all is well. Pure. */
export function expectedFacts({ spec, port, settings }: PlacedInstance): Fields {
  if (spec.state === 'stopped') return { state: 'stopped' }
  return {
    state: 'running',
    ...(port === undefined ? {} : { port }),
    'stack.nodeRed': spec.stack.nodeRed,
    'stack.node': spec.stack.node,
    settings,
    'settings.js': 'intact',
    ...(spec.flows === undefined ? {} : { flows: spec.flows.digest }),
    ...(spec.flows?.credentials === undefined ? {} : { 'flows.credentials': 'intact' }),
    ...Object.fromEntries(
      Object.entries(spec.modules).map(([name, version]) => [`modules.${name}`, version]),
    ),
  }
}

/**
 * The same facts, as a launcher tells them. A path that is missing here cannot be judged at this moment and is not drift:
 *
 * - while it is installing, starting or stopping, what is on disk lags behind what is wanted, and the launcher is
 *   already at it, so only what it was started with (state, port, stack) is said;
 * - while it is crashed it may be the modules that cannot be installed; asking again would not help, so they are left
 *   out, but the settings that it crashed with are said: newer ones may be the cure;
 * - in safe mode all is as while it runs: that its flows stand still is no drift, and starting them again no cure;
 * - when it was stopped by its admin API only that is said.
 *
 * A declared module that is not there is `null`, and so are declared flows.
 */
export function observedFacts(state: LauncherState, declares: Declares): Fields {
  switch (state.phase) {
    case 'stopped':
      return { state: 'stopped' }
    case 'stopping':
      return startedWith(state)
    case 'installing':
    case 'starting':
      return { state: 'running', ...startedWith(state) }
    case 'crashed':
      return { state: 'running', ...startedWith(state), ...settingsOf(state) }
    case 'running':
    case 'safe':
      return {
        state: 'running',
        ...startedWith(state),
        ...settingsOf(state),
        ...contentOf(state, declares),
      }
    default:
      return assertNever(state.phase)
  }
}

/** Whether a launcher in this phase is bringing Node-RED up, or has it up. */
export function isActive(phase: LauncherPhase): boolean {
  return phase !== 'stopped' && phase !== 'stopping'
}

function startedWith(state: LauncherState): Fields {
  return {
    ...(state.port === undefined ? {} : { port: state.port }),
    'stack.nodeRed': state.versions.nodeRed,
    'stack.node': majorOf(state.versions.node),
  }
}

function settingsOf(state: LauncherState): Fields {
  return {
    ...(state.settings === undefined ? {} : { settings: state.settings }),
    'settings.js': state.settingsFile,
  }
}

function contentOf(state: LauncherState, declares: Declares): Fields {
  const modules = declares.modules.map((name): [string, Json] => [
    `modules.${name}`,
    state.modules[name] ?? null,
  ])
  return {
    ...flowsOf(state, declares),
    ...(state.credentials === undefined ? {} : { 'flows.credentials': state.credentials }),
    ...Object.fromEntries(modules),
  }
}

/** Also where the editor owns them: they may be what Git is about to declare. */
function flowsOf({ flows }: LauncherState, declares: Declares): Fields {
  if (flows !== undefined) return { flows }
  return declares.flows ? { flows: null } : {}
}

/** The major of a Node.js version, with or without its `v`. */
export function majorOf(version: string): number {
  return Number.parseInt(version.replace(/^v/, ''), 10)
}
