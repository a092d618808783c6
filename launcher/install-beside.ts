import type { InstanceModules } from './instance-modules.ts'
import { reasonOf } from './runtime-client.ts'
import type { LauncherState, RuntimeSettings } from './wire.ts'

export interface InstallBesideParts {
  readonly modules: Pick<InstanceModules, 'differ' | 'install'>
  /** Called whenever the standing has changed. */
  readonly changed: () => void
  /** Called when npm has failed: it is to be asked again later. */
  readonly failed: () => void
}

const goesOn = 'the settings and modules of before stay in force'
const underWay = `Modules are being installed; until they are there ${goesOn}`

/** Installs modules while the old Node-RED runs on: where npm fails, that is left as it is. */
export class InstallBeside {
  readonly #parts: InstallBesideParts
  #installing = false
  #trouble: string | undefined

  constructor(parts: InstallBesideParts) {
    this.#parts = parts
  }

  /** What is told of it while there is something to tell. */
  get standing(): Pick<LauncherState, 'message' | 'installing'> {
    const message = this.#trouble ?? (this.#installing ? underWay : undefined)
    return {
      ...(message === undefined ? {} : { message }),
      ...(this.#installing ? { installing: true } : {}),
    }
  }

  /** What went wrong before is of no interest any more. */
  forget(): void {
    this.#trouble = undefined
  }

  /** Throws npm's words, or why it was ended. */
  async install(next: RuntimeSettings, signal: AbortSignal): Promise<void> {
    const { modules, changed, failed } = this.#parts
    if (!modules.differ(next)) return
    this.#installing = true
    changed()
    try {
      await modules.install(next, signal)
    } catch (error) {
      signal.throwIfAborted()
      this.#trouble = `${reasonOf(error)}\nUntil that succeeds ${goesOn}`
      failed()
      throw new Error(this.#trouble, { cause: error })
    } finally {
      this.#installing = false
      changed()
    }
  }
}
