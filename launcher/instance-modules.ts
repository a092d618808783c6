import type { InstancePaths } from './bootstrap.ts'
import type { ConsoleLog } from './console-log.ts'
import { type Declared, installModules, installedModules, modulesDiffer } from './modules.ts'
import type { Modules } from './package-json.ts'
import type { LauncherBootstrap, RuntimeSettings } from './wire.ts'

export interface InstanceModulesParts {
  readonly bootstrap: LauncherBootstrap
  readonly paths: InstancePaths
  readonly environment: NodeJS.ProcessEnv
  readonly log: ConsoleLog
  /** The time in ms since 1970. */
  readonly now: () => number
}

/** The modules in an instance's userDir, and how those that its settings declare come there. */
export class InstanceModules {
  readonly #parts: InstanceModulesParts

  constructor(parts: InstanceModulesParts) {
    this.#parts = parts
  }

  /** What lies there. */
  installed(): Modules {
    return installedModules(this.#parts.paths.user)
  }

  /** Whether something has to be installed or removed before Node-RED can run on these settings. */
  differ(settings: RuntimeSettings): boolean {
    return modulesDiffer(this.#parts.paths.user, declaredModules(settings))
  }

  /** See `installModules`. */
  async install(settings: RuntimeSettings, signal: AbortSignal): Promise<void> {
    const { paths, bootstrap, environment: host, log, now } = this.#parts
    log.say('Installing modules')
    await installModules(
      {
        ...declaredModules(settings),
        user: paths.user,
        nodeVersion: bootstrap.versions.node,
        allowScripts: settings.allowInstallScripts,
        store: { folder: bootstrap.modules ?? paths.modules, npm: { node: bootstrap.node, host, log }, now },
      },
      signal,
    )
  }
}

function declaredModules({ modules, editor, functionModules }: RuntimeSettings): Declared {
  const keepsOthers = editor.palette?.allowInstall === true || functionModules?.allowInstall === true
  return { modules, keepsOthers }
}
