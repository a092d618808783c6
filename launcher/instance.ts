import { fs } from './builtin.ts'
import { answers } from './health.ts'
import { InstanceModules, type InstanceModulesParts } from './instance-modules.ts'
import { lastLines } from './last-lines.ts'
import { LastSettings, withKnownKeys, withMembers } from './last-settings.ts'
import { NodeRed } from './node-red.ts'
import { pause } from './pause.ts'
import { backOff } from './restart-policy.ts'
import { type Fetched, type RuntimeClient, reasonOf } from './runtime-client.ts'
import type { Samples } from './samples.ts'
import { hasAll, narrowed } from './narrowed.ts'
import { needsRestart } from './settings-file.ts'
import { type Standing, Supervisor, type Workload } from './supervisor.ts'
import { Turns } from './turns.ts'
import type { LauncherState, RuntimeMembers, RuntimeSettings } from './wire.ts'

const { mkdirSync } = fs

export interface InstanceParts extends InstanceModulesParts {
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
}

/** What a reload came to. */
export type Reloaded =
  { readonly done: true; readonly restarted: boolean } | { readonly done: false; readonly reason: string }

const firstRetryMs = 2000
const longestRetryMs = 60_000
const refusedRetryMs = 30_000
const probeWithinMs = 2000
const goesOn = 'the settings and modules of before stay in force'
const installingBeside = `Modules are being installed; until they are there ${goesOn}`

/** One instance: the settings it was given, and the Node-RED that is kept running on them. */
export class Instance {
  readonly #parts: InstanceParts
  readonly #nodeRed: NodeRed
  readonly #supervisor: Supervisor
  readonly #modules: InstanceModules
  readonly #last: LastSettings
  readonly #closed = new AbortController()
  #settings: RuntimeSettings | undefined
  /** The digest of the settings that Node-RED was started on, or has taken over since. */
  #inForce: string | undefined
  #asked: 'run' | 'stop' = 'run'
  #refused: string | undefined
  /** What is wrong while the old Node-RED runs on. */
  #note: string | undefined
  /** The installation that is under way while what was there before stays in force, and for which settings. */
  #beside: { readonly digest: string; readonly abort: AbortController } | undefined
  readonly #turns = new Turns()
  #fetching = false
  /** However many ask at once, Node-RED is asked once. */
  #probe: Promise<boolean> | undefined

  constructor(parts: InstanceParts) {
    this.#parts = parts
    this.#nodeRed = new NodeRed(parts)
    this.#modules = new InstanceModules(parts)
    this.#last = new LastSettings(parts.paths.lastSettings, parts.bootstrap.uid)
    this.#supervisor = new Supervisor({
      say: parts.log.say,
      happened: parts.happened,
      lastLines: () => lastLines(parts.log, this.#settings),
      changed: () => parts.changed(this.state()),
    })
  }

  state(): LauncherState {
    const { bootstrap } = this.#parts
    const standing = this.#supervisor.standing
    const flows = this.#nodeRed.flowsDigest(this.#settings?.flows)
    return {
      uid: bootstrap.uid,
      name: this.#settings?.name ?? bootstrap.name,
      fleet: bootstrap.fleet,
      ...standing,
      ...this.#beyondStanding(standing),
      ...(this.#inForce === undefined ? {} : { settings: this.#inForce }),
      settingsFile: this.#nodeRed.settingsFile(),
      ...(flows === undefined ? {} : { flows }),
      ...this.#credentialsState(),
      modules: this.#modules.installed(),
      versions: bootstrap.versions,
      ...(this.#settings === undefined ? {} : { port: this.#settings.port }),
    }
  }

  #beyondStanding(standing: Standing): Pick<LauncherState, 'message' | 'installing'> {
    const beside = this.#beside !== undefined
    const message = standing.message ?? this.#note ?? (beside ? installingBeside : undefined)
    return { ...(message === undefined ? {} : { message }), ...(beside ? { installing: true } : {}) }
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
    if (fetched.kind === 'unreachable' || fetched.kind === 'members') this.#startWithout(fetched)
    if (!(await this.#takeOrTell(fetched)).done) this.fetchAgain()
  }

  /** Asks for the settings in the background until it has them. */
  fetchAgain(): void {
    if (this.#fetching) return
    this.#fetching = true
    void this.#keepFetching()
  }

  /** Fetches the settings now and applies them. Settles when Node-RED runs on them, or could not. */
  async reload(): Promise<Reloaded> {
    return this.#takeOrTell(await this.#fetch())
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
    await this.#turns.idle()
  }

  /** See `Supervisor.hurry`. */
  hurry(): void {
    this.#supervisor.hurry()
  }

  #fetch(): Promise<Fetched> {
    return this.#parts.runtime.settings(this.#closed.signal)
  }

  async #takeOrTell(fetched: Fetched): Promise<Reloaded> {
    if (fetched.kind === 'refused') this.#refuse(fetched.reason)
    if (fetched.kind !== 'settings' && fetched.kind !== 'members')
      return { done: false, reason: fetched.reason }
    try {
      if (fetched.kind === 'settings') return { done: true, restarted: await this.#apply(fetched.settings) }
      await this.#narrow(fetched.members)
      if (hasAll(this.#settings, fetched.members)) return { done: true, restarted: false }
      this.fetchAgain()
      return { done: false, reason: fetched.reason }
    } catch (error) {
      const reason = reasonOf(error)
      if (!this.#closed.signal.aborted) this.#parts.log.say(reason)
      return { done: false, reason }
    }
  }

  #refuse(reason: string): void {
    if (this.#refused !== undefined || this.#closed.signal.aborted) return
    this.#refused = reason
    this.#parts.log.say(`${reason}: Node-RED is stopped`)
    this.#supervisor.stop(reason)
    this.fetchAgain()
  }

  #startWithout(fetched: Exclude<Fetched, { kind: 'settings' | 'refused' }>): void {
    const { reason } = fetched
    const known = this.#last.get()
    const last = known && fetched.kind === 'members' ? narrowed(known, fetched.members) : known
    this.#parts.log.say(
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
    if (this.#settings !== undefined && this.#refused === undefined) this.#withdraw(this.#settings, next)
    // Settings that are no longer wanted may want modules that never come.
    if (this.#beside?.digest !== next.digest) this.#beside?.abort.abort()
    return this.#turns.take(() => this.#applyNow(next))
  }

  /** Whoever is gone is gone at once, whatever else waits its turn: a module may take minutes, or never come. */
  #withdraw(settings: RuntimeSettings, next: RuntimeSettings): void {
    this.#nodeRed.writeMembers(next)
    const last = this.#last.get()
    if (last !== undefined) this.#last.keep(withMembers(last, next))
    this.#settings = settings === last ? this.#last.get() : withMembers(settings, next)
  }

  /** The same at once, and in its turn again: what is applied meanwhile may have had them. Other drift is left alone. */
  async #narrow(members: RuntimeMembers): Promise<void> {
    if (this.#settings !== undefined && this.#refused === undefined)
      this.#withdraw(this.#settings, narrowed(this.#settings, members))
    return this.#turns.take(async () => {
      const before = this.#settings
      if (before === undefined || this.#refused !== undefined) return
      const next = narrowed(before, members)
      if (next === before) return
      this.#nodeRed.writeMembers(next)
      this.#takeOver(next)
    })
  }

  async #applyNow(fetched: RuntimeSettings): Promise<boolean> {
    if (this.#closed.signal.aborted) return false
    const next = this.#complete(fetched)
    const wasRefused = this.#refused !== undefined
    this.#refused = undefined
    if (this.#settings === undefined || wasRefused) this.#beginOnLast(next)
    if (this.#settings !== undefined && !wasRefused && !this.#mustRestart(this.#settings, next)) {
      this.#nodeRed.writeFiles(next)
      this.#note = undefined
      this.#takeOver(next)
      return false
    }
    if (this.#canGoOn()) await this.#installBeside(next)
    this.#settings = next
    this.#note = undefined
    const runs = this.#asked === 'run'
    await (runs ? this.#runAnew() : this.#staysStopped(next, wasRefused))
    return runs
  }

  #complete(fetched: RuntimeSettings): RuntimeSettings {
    const last = this.#last.get()
    const next = withKnownKeys(fetched, this.#settings ?? last)
    if (last === undefined) this.#last.keep(next)
    return next
  }

  async #staysStopped(next: RuntimeSettings, wasRefused: boolean): Promise<void> {
    this.#nodeRed.writeFiles(next)
    if (wasRefused) {
      // It stands still because somebody wants that, no longer because of the refusal.
      this.#supervisor.stop()
      await this.#supervisor.idle()
    }
    this.#parts.changed(this.state())
  }

  async #runAnew(): Promise<void> {
    const settled = this.#supervisor.settled()
    this.#run()
    await settled
  }

  /** Modules may take long, or never come: whoever has those that it ran with before begins on these. */
  #beginOnLast(next: RuntimeSettings): void {
    const last = this.#settings ?? this.#last.get()
    if (last === undefined || !this.#modules.differ(next) || this.#modules.differ(last)) return
    this.#settings = withMembers(last, next)
    if (this.#asked === 'run') this.#run()
    else this.#supervisor.stop()
  }

  /** Whether something runs, or can be started, without what newer settings need. */
  #canGoOn(): boolean {
    if (isUp(this.#supervisor.standing.phase)) return true
    return this.#settings !== undefined && !this.#modules.differ(this.#settings)
  }

  #mustRestart(before: RuntimeSettings, next: RuntimeSettings): boolean {
    const asRuns = next.flows?.digest === this.#nodeRed.flowsDigest(next.flows)
    if (needsRestart(asRuns ? declaring(before, next) : before, next)) return true
    if (this.#nodeRed.settingsFile() !== 'intact') return true
    if (next.flows !== undefined && (!asRuns || this.#credentialsDiffer(next.flows))) return true
    return this.#modules.differ(next)
  }

  #credentialsDiffer({ credentials }: NonNullable<RuntimeSettings['flows']>): boolean {
    return credentials !== undefined && this.#nodeRed.credentialsEdited()
  }

  /**
   * What changed concerns the members, whose file Node-RED heeds by itself, or only says who owns the flows that run: that
   * is heeded at the next start.
   */
  #takeOver(next: RuntimeSettings): void {
    const ran = this.#inForce !== undefined && this.#inForce === this.#settings?.digest
    this.#settings = next
    if (ran) this.#entersForce(next)
    this.#parts.changed(this.state())
  }

  #entersForce(settings: RuntimeSettings): void {
    this.#last.keep(settings)
    this.#inForce = settings.digest
  }

  /** Installs while the old Node-RED runs on: where npm fails, it is left as it is and npm is asked again later. */
  async #installBeside(next: RuntimeSettings): Promise<void> {
    if (!this.#modules.differ(next)) return
    const { signal } = this.#closed
    const abort = new AbortController()
    this.#beside = { digest: next.digest, abort }
    this.#parts.changed(this.state())
    try {
      await this.#modules.install(next, AbortSignal.any([signal, abort.signal]))
    } catch (error) {
      if (abort.signal.aborted) throw new Error('Newer settings have come', { cause: error })
      this.#note = `${reasonOf(error)}\nUntil that succeeds ${goesOn}`
      this.fetchAgain()
      throw new Error(this.#note, { cause: error })
    } finally {
      this.#beside = undefined
      this.#parts.changed(this.state())
    }
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
        if (this.#modules.differ(settings)) {
          installing()
          await this.#modules.install(settings, signal)
        }
        this.#nodeRed.writeFiles(this.#settings ?? settings)
      },
      start: (mode) => {
        this.#entersForce(this.#settings ?? settings)
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
