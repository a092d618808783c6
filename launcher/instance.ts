import { fs } from './builtin.ts'
import type { InstancePaths } from './bootstrap.ts'
import type { ConsoleLog } from './console-log.ts'
import { answers } from './health.ts'
import { lastLines } from './last-lines.ts'
import { readLastSettings, withKnownKeys, writeLastSettings } from './last-settings.ts'
import { type Declared, installModules, installedModules, modulesDiffer } from './modules.ts'
import { NodeRed } from './node-red.ts'
import { pause } from './pause.ts'
import { backOff } from './restart-policy.ts'
import { type Fetched, type RuntimeClient, reasonOf } from './runtime-client.ts'
import type { Samples } from './samples.ts'
import { needsRestart } from './settings-file.ts'
import { Supervisor, type Workload } from './supervisor.ts'
import type { LauncherBootstrap, LauncherState, RuntimeSettings } from './wire.ts'

const { mkdirSync } = fs

export interface InstanceParts {
  readonly bootstrap: LauncherBootstrap
  readonly paths: InstancePaths
  readonly environment: NodeJS.ProcessEnv
  readonly log: ConsoleLog
  readonly samples: Pick<Samples, 'add'>
  readonly runtime: Pick<RuntimeClient, 'settings'>
  /** Called whenever the state has changed. */
  readonly changed: (state: LauncherState) => void
  /** Called with what belongs into the audit trail. */
  readonly happened: (event: 'crashed' | 'safe-mode') => void
  /** Called each time Node-RED begins to answer. */
  readonly answered: () => void
  /** From 0 to 1: spreads the retries of many launchers. */
  readonly random: () => number
  /** The time in ms since 1970. */
  readonly now: () => number
}

/** What a reload came to. */
export type Reloaded =
  { readonly done: true; readonly restarted: boolean } | { readonly done: false; readonly reason: string }

const firstRetryMs = 2000
const longestRetryMs = 60_000
const refusedRetryMs = 30_000
const probeWithinMs = 2000

/** One instance: the settings it was given, and the Node-RED that is kept running on them. */
export class Instance {
  readonly #parts: InstanceParts
  readonly #nodeRed: NodeRed
  readonly #supervisor: Supervisor
  readonly #closed = new AbortController()
  #settings: RuntimeSettings | undefined
  /** The digest of the settings that Node-RED was started on, or has taken over since. */
  #inForce: string | undefined
  #asked: 'run' | 'stop' = 'run'
  #refused: string | undefined
  /** What is wrong while the old Node-RED runs on. */
  #note: string | undefined
  #turn: Promise<unknown> = Promise.resolve()
  #fetching = false
  /** However many ask at once, Node-RED is asked once. */
  #probe: Promise<boolean> | undefined

  constructor(parts: InstanceParts) {
    this.#parts = parts
    this.#nodeRed = new NodeRed(parts)
    this.#supervisor = new Supervisor({
      say: parts.log.say,
      happened: parts.happened,
      lastLines: () => lastLines(parts.log, this.#settings),
      changed: () => parts.changed(this.state()),
    })
  }

  state(): LauncherState {
    const { bootstrap, paths } = this.#parts
    const standing = this.#supervisor.standing
    const message = standing.message ?? this.#note
    const flows = this.#nodeRed.flowsDigest(this.#settings?.flows)
    return {
      uid: bootstrap.uid,
      name: this.#settings?.name ?? bootstrap.name,
      fleet: bootstrap.fleet,
      ...standing,
      ...(message === undefined ? {} : { message }),
      ...(this.#inForce === undefined ? {} : { settings: this.#inForce }),
      settingsFile: this.#nodeRed.settingsFile(),
      ...(flows === undefined ? {} : { flows }),
      ...this.#credentialsState(),
      modules: installedModules(paths.user),
      versions: bootstrap.versions,
      ...(this.#settings === undefined ? {} : { port: this.#settings.port }),
    }
  }

  /** Whether Node-RED runs and answers at this moment: it is asked, so that one that was killed just now does not count. */
  async answers(): Promise<boolean> {
    const asked = this.#settings
    if (asked === undefined || !isUp(this.#supervisor.standing.phase)) return false
    this.#probe ??= answers({ host: asked.host, port: asked.port }, probeWithinMs).finally(() => {
      this.#probe = undefined
    })
    const answered = await this.#probe
    return answered && isUp(this.#supervisor.standing.phase)
  }

  #credentialsState(): Pick<LauncherState, 'credentials'> {
    if (this.#settings?.flows?.credentials === undefined) return {}
    return { credentials: this.#nodeRed.credentialsEdited() ? 'changed' : 'intact' }
  }

  /** Brings Node-RED up: on the settings of now, or the last ones where the reconciler cannot be reached. */
  async open(): Promise<void> {
    mkdirSync(this.#parts.paths.user, { recursive: true, mode: 0o700 })
    const fetched = await this.#fetch()
    if (fetched.kind === 'unreachable') this.#startWithout(fetched.reason)
    await this.#take(fetched)
    if (fetched.kind !== 'settings') this.fetchAgain()
  }

  /** Asks for the settings in the background until it has them. */
  fetchAgain(): void {
    if (this.#fetching) return
    this.#fetching = true
    void this.#keepFetching()
  }

  /** Fetches the settings now and applies them. Settles when Node-RED runs on them, or could not. */
  async reload(): Promise<Reloaded> {
    const fetched = await this.#fetch()
    try {
      const restarted = await this.#take(fetched)
      if (fetched.kind !== 'settings') return { done: false, reason: fetched.reason }
      return { done: true, restarted }
    } catch (error) {
      return { done: false, reason: reasonOf(error) }
    }
  }

  /** Whatever was refused its settings runs again only when it has them. */
  start(): void {
    this.#asked = 'run'
    if (this.#refused !== undefined) return
    const { phase } = this.#supervisor.standing
    if (phase === 'stopped' || phase === 'stopping' || phase === 'crashed') this.#run()
  }

  stop(): void {
    this.#asked = 'stop'
    if (this.#refused === undefined) this.#supervisor.stop()
  }

  restart(): void {
    this.#asked = 'run'
    if (this.#refused === undefined) this.#run()
  }

  /** Ends Node-RED, and whatever is under way. */
  async close(): Promise<void> {
    this.#closed.abort()
    this.#supervisor.stop()
    await this.#supervisor.idle()
    await this.#turn.catch(() => undefined)
  }

  /** See `Supervisor.hurry`. */
  hurry(): void {
    this.#supervisor.hurry()
  }

  #fetch(): Promise<Fetched> {
    return this.#parts.runtime.settings(this.#closed.signal)
  }

  async #take(fetched: Fetched): Promise<boolean> {
    if (this.#closed.signal.aborted) return false
    if (fetched.kind === 'refused') this.#refuse(fetched.reason)
    return fetched.kind === 'settings' ? this.#apply(fetched.settings) : false
  }

  #refuse(reason: string): void {
    if (this.#refused !== undefined) return
    this.#refused = reason
    this.#parts.log.say(`${reason}: Node-RED is stopped`)
    this.#supervisor.stop(reason)
    this.fetchAgain()
  }

  #startWithout(reason: string): void {
    const { paths, bootstrap, log } = this.#parts
    const last = readLastSettings(paths.lastSettings, bootstrap.uid)
    log.say(
      `${reason}; ${last === undefined ? 'there are no settings from before' : 'starting from the last settings'}`,
    )
    if (last === undefined) return this.#supervisor.wait(reason)
    this.#settings = last
    this.#run()
  }

  async #keepFetching(): Promise<void> {
    const { signal } = this.#closed
    let failures = 0
    while (this.#fetching && !signal.aborted) {
      failures += 1
      const delay =
        this.#refused === undefined ? backOff(failures, firstRetryMs, longestRetryMs) : refusedRetryMs
      await pause(delay * (0.75 + this.#parts.random() / 4), signal)
      this.#fetching = !(await this.reload()).done
    }
  }

  /** One after the other. Whether Node-RED was started anew. */
  async #apply(next: RuntimeSettings): Promise<boolean> {
    // Whoever is gone is gone at once, whatever else waits its turn: a module may take minutes, or never come.
    if (this.#settings !== undefined && this.#refused === undefined) this.#nodeRed.writeMembers(next)
    const before = this.#turn
    const turn = this.#inTurn(before, next)
    this.#turn = turn
    return turn
  }

  async #inTurn(before: Promise<unknown>, next: RuntimeSettings): Promise<boolean> {
    await before.catch(() => undefined)
    return this.#applyNow(next)
  }

  async #applyNow(fetched: RuntimeSettings): Promise<boolean> {
    if (this.#closed.signal.aborted) return false
    const { lastSettings } = this.#parts.paths
    const next = withKnownKeys(fetched, this.#settings ?? readLastSettings(lastSettings, fetched.uid))
    if (this.#settings?.digest !== next.digest) writeLastSettings(lastSettings, next)
    if (this.#settings !== undefined && !this.#mustRestart(this.#settings, next)) {
      this.#takeOver(next)
      return false
    }
    if (isUp(this.#supervisor.standing.phase)) await this.#installBeside(next)
    this.#settings = next
    this.#refused = undefined
    this.#note = undefined
    if (this.#asked === 'stop') {
      this.#nodeRed.writeFiles(next)
      this.#parts.changed(this.state())
      return false
    }
    const settled = this.#supervisor.settled()
    this.#run()
    await settled
    return true
  }

  #mustRestart(before: RuntimeSettings, next: RuntimeSettings): boolean {
    const asRuns = next.flows?.digest === this.#nodeRed.flowsDigest(next.flows)
    if (this.#refused !== undefined || needsRestart(asRuns ? declaring(before, next) : before, next))
      return true
    if (this.#nodeRed.settingsFile() !== 'intact') return true
    if (next.flows !== undefined && (!asRuns || this.#credentialsDiffer(next.flows))) return true
    return modulesDiffer(this.#parts.paths.user, declaredModules(next))
  }

  #credentialsDiffer({ credentials }: NonNullable<RuntimeSettings['flows']>): boolean {
    return credentials !== undefined && this.#nodeRed.credentialsEdited()
  }

  /**
   * What changed concerns the members, whose file Node-RED heeds by itself, or only says who owns the flows that run: that
   * is heeded at the next start.
   */
  #takeOver(next: RuntimeSettings): void {
    this.#nodeRed.writeFiles(next)
    this.#settings = next
    this.#note = undefined
    if (this.#inForce !== undefined) this.#inForce = next.digest
    this.#parts.changed(this.state())
  }

  /** Installs while the old Node-RED runs on: where npm fails, it is left as it is and npm is asked again later. */
  async #installBeside(next: RuntimeSettings): Promise<void> {
    try {
      await this.#install(next, this.#closed.signal)
    } catch (error) {
      this.#note = reasonOf(error)
      this.#parts.changed(this.state())
      this.fetchAgain()
      throw error
    }
  }

  async #install(settings: RuntimeSettings, signal: AbortSignal): Promise<void> {
    const { paths, bootstrap, environment: host, log, now } = this.#parts
    const declared = declaredModules(settings)
    if (!modulesDiffer(paths.user, declared)) return
    log.say('Installing modules')
    const folder = bootstrap.modules ?? paths.modules
    await installModules(
      {
        ...declared,
        user: paths.user,
        nodeVersion: bootstrap.versions.node,
        allowScripts: settings.allowInstallScripts,
        store: { folder, npm: { node: bootstrap.node, host, log }, now },
      },
      signal,
    )
  }

  #run(): void {
    if (this.#settings !== undefined && !this.#closed.signal.aborted)
      this.#supervisor.run(this.#workload(this.#settings))
  }

  #workload(settings: RuntimeSettings): Workload {
    const { paths, log, answered } = this.#parts
    return {
      address: { host: settings.host, port: settings.port },
      ...(settings.memory === undefined ? {} : { memory: settings.memory }),
      prepare: async (installing, signal) => {
        mkdirSync(paths.user, { recursive: true, mode: 0o700 })
        if (modulesDiffer(paths.user, declaredModules(settings))) {
          installing()
          await this.#install(settings, signal)
        }
        this.#nodeRed.writeFiles(this.#settings ?? settings)
      },
      start: (mode) => {
        this.#inForce = (this.#settings ?? settings).digest
        return this.#nodeRed.start(settings, mode)
      },
      answered: () => {
        log.say(`Node-RED answers on port ${settings.port}`)
        answered()
      },
    }
  }
}

function isUp(phase: LauncherState['phase']): boolean {
  return phase === 'running' || phase === 'safe'
}

/** As if what runs had been declared before: where Git takes over what an editor deployed, nothing restarts. */
function declaring(before: RuntimeSettings, { flows }: RuntimeSettings): RuntimeSettings {
  if (flows === undefined) return before
  const { credentials } = before.flows ?? {}
  const { digest, nodes } = flows
  return { ...before, flows: { digest, nodes, ...(credentials === undefined ? {} : { credentials }) } }
}

function declaredModules({ modules, editor, functionModules }: RuntimeSettings): Declared {
  const keepsOthers = editor.palette?.allowInstall === true || functionModules?.allowInstall === true
  return { modules, keepsOthers }
}
