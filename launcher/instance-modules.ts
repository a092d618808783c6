import type { InstancePaths } from './bootstrap.ts'
import type { ConsoleLog } from './console-log.ts'
import { type Declared, installedModules, modulesDiffer } from './modules.ts'
import type { Modules } from './package-json.ts'
import type { LauncherBootstrap, LauncherState, RuntimeSettings } from './wire.ts'

export interface InstanceModulesParts {
  readonly bootstrap: LauncherBootstrap
  readonly paths: InstancePaths
  readonly environment: NodeJS.ProcessEnv
  readonly log: ConsoleLog
  /** Called with what belongs into the audit trail; `target`: the module with its version. */
  readonly happened: (event: 'module-removed', target: string) => void
  /** The time in ms since 1970. */
  readonly now: () => number
}

/** The modules in an instance's userDir, and how those that its settings declare come there. */
export class InstanceModules {
  readonly #parts: InstanceModulesParts
  #removed: readonly string[] = []

  constructor(parts: InstanceModulesParts) {
    this.#parts = parts
  }

  /** What lies there. */
  installed(): Modules {
    return installedModules(this.#parts.paths.user)
  }

  /** What had to make way when modules were installed last. */
  get told(): Pick<LauncherState, 'message'> {
    return this.#removed.length === 0 ? {} : { message: this.#removed.join('\n') }
  }

  /** Whether something has to be installed or removed before Node-RED can run on these settings. */
  differ(settings: RuntimeSettings): boolean {
    return modulesDiffer(this.#parts.paths.user, declaredModules(settings))
  }

  /** See `installModules`. */
  async install(settings: RuntimeSettings, signal: AbortSignal): Promise<void> {
    const { paths, bootstrap, environment: host, log, now, happened } = this.#parts
    log.say('Installing modules')
    // Most lives of a launcher install nothing.
    const { installModules } = await import('./install-modules.ts')
    const removed = await installModules(
      {
        ...declaredModules(settings),
        user: paths.user,
        nodeVersion: bootstrap.versions.node,
        allowScripts: settings.allowInstallScripts,
        store: { folder: bootstrap.modules ?? paths.modules, npm: { node: bootstrap.node, host, log }, now },
      },
      signal,
    )
    this.#removed = removed.map(
      ({ name, version, why }) => `${name} ${version}, installed from the editor, was removed: ${why}`,
    )
    for (const line of this.#removed) log.say(line)
    for (const { name, version } of removed) happened('module-removed', `${name}@${version}`)
  }
}

function declaredModules({ modules, editor, functionModules }: RuntimeSettings): Declared {
  const keepsOthers = editor.palette?.allowInstall === true || functionModules?.allowInstall === true
  return { modules, keepsOthers }
}
