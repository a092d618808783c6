import { fs } from './builtin.ts'
import { answers } from './health.ts'
import { InstallBeside } from './install-beside.ts'
import { InstanceModules, type InstanceModulesParts } from './instance-modules.ts'
import { lastLines } from './last-lines.ts'
import { LastSettings, withKnownKeys } from './last-settings.ts'
import { NodeRed } from './node-red.ts'
import { pause } from './pause.ts'
import { backOff } from './restart-policy.ts'
import { type Fetched, type RuntimeClient, reasonOf } from './runtime-client.ts'
import type { Samples } from './samples.ts'
import { hasAll, narrowed, withoutGone } from './narrowed.ts'
import { declaresOf, declaring, needsRestart } from './settings-file.ts'
import { Supervisor, type Workload } from './supervisor.ts'
import { Turns } from './turns.ts'
import { Wanted } from './wanted.ts'
import type { HappenedEvent, LauncherState, RuntimeMembers, RuntimeSettings } from './wire.ts'

const { mkdirSync } = fs

export interface InstanceParts extends InstanceModulesParts {
  readonly samples: Pick<Samples, 'add'>
  readonly runtime: Pick<RuntimeClient, 'settings' | 'members'>
  /** Called whenever the state has changed. */
  readonly changed: (state: LauncherState) => void
  /** Called with what belongs into the audit trail; `target`: what it happened to. */
  readonly happened: (event: HappenedEvent, target?: string) => void
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
  readonly #beside: InstallBeside
  readonly #wanted = new Wanted()
  /** Who may still come in, as told since the settings that are wanted came. */
  #members: RuntimeMembers | undefined
  readonly #turns = new Turns()
  #fetching = false
  /** However many ask at once, Node-RED is asked once. */
  #probe: Promise<boolean> | undefined

  constructor(parts: InstanceParts) {
    this.#parts = parts
    this.#nodeRed = new NodeRed(parts)
    this.#modules = new InstanceModules(parts)
    this.#beside = new InstallBeside({
      modules: this.#modules,
      changed: () => parts.changed(this.state()),
      failed: () => this.fetchAgain(),
    })
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
    const { standing } = this.#supervisor
    const flows = this.#nodeRed.flowsDigest(this.#settings?.flows)
    return {
      uid: bootstrap.uid,
      name: this.#settings?.name ?? bootstrap.name,
      fleet: bootstrap.fleet,
      ...this.#modules.told,
      ...this.#beside.standing,
      ...standing,
      ...(this.#inForce === undefined ? {} : { settings: this.#inForce }),
      settingsFile: this.#nodeRed.settingsFile(),
      ...(flows === undefined ? {} : { flows }),
      ...this.#credentialsState(),
      ...declaresOf(this.#settings),
      modules: this.#modules.installed(),
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

  /** Ends rights that have ended at the reconciler, at once and whatever is under way, and nothing else. False where it does not tell. */
  async withdraw(): Promise<boolean> {
    const members = await this.#parts.runtime.members(this.#closed.signal)
    if (members === undefined) return false
    void this.#narrow(members).later.catch((error) => this.#parts.log.say(reasonOf(error)))
    return true
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
      await this.#narrow(fetched.members).later
      if (this.#refused === undefined && hasAll(this.#settings, fetched.members))
        return { done: true, restarted: false }
      this.fetchAgain()
      return { done: false, reason: fetched.reason }
    } catch (error) {
      const reason = reasonOf(error)
      if (!this.#closed.signal.aborted) this.#parts.log.say(reason)
      return { done: false, reason }
    }
  }

  #refuse(reason: string): void {
    if (this.#closed.signal.aborted) return
    // Neither what is under way nor what waits its turn may start it again.
    this.#wanted.end(reason)
    if (this.#refused !== undefined) return this.fetchAgain()
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

  /** One after the other, and the newest only: whether Node-RED was started anew. */
  async #apply(next: RuntimeSettings): Promise<boolean> {
    this.#members = undefined
    if (this.#settings !== undefined && this.#refused === undefined) this.#withdraw(this.#settings, next)
    const signal = this.#wanted.want(next.digest)
    return this.#turns.take(() => this.#applyNow(next, signal))
  }

  /** Whoever is gone is gone at once, whatever else waits its turn: a module may take minutes, or never come. */
  #withdraw(settings: RuntimeSettings, next: RuntimeSettings): void {
    const left = withoutGone(settings, next)
    this.#nodeRed.writeMembers(left)
    this.#last.withdraw(next)
    this.#settings = left
  }

  /** The same at once; `later` settles when what waits its turn or is under way, and may still have them, has them no more. */
  #narrow(members: RuntimeMembers): { readonly later: Promise<void> } {
    this.#members = members
    if (this.#settings !== undefined && this.#refused === undefined)
      this.#withdraw(this.#settings, narrowed(this.#settings, members))
    return { later: this.#turns.take(() => this.#narrowNow(members)) }
  }

  /** Other drift is left alone. */
  async #narrowNow(members: RuntimeMembers): Promise<void> {
    const before = this.#settings
    if (before === undefined || this.#refused !== undefined || this.#members !== members) return
    const next = narrowed(before, members)
    if (next === before) return
    this.#nodeRed.writeMembers(next)
    this.#takeOver(next)
  }

  #left(settings: RuntimeSettings): RuntimeSettings {
    return this.#members === undefined ? settings : narrowed(settings, this.#members)
  }

  async #applyNow(fetched: RuntimeSettings, wanted: AbortSignal): Promise<boolean> {
    if (this.#closed.signal.aborted) return false
    wanted.throwIfAborted()
    const next = this.#complete(this.#left(fetched))
    const wasRefused = this.#refused !== undefined
    this.#refused = undefined
    if (this.#settings === undefined || wasRefused) this.#beginOnLast(next)
    if (this.#settings !== undefined && !wasRefused && !this.#mustRestart(this.#settings, next)) {
      this.#nodeRed.writeFiles(next)
      this.#beside.forget()
      this.#takeOver(next)
      await this.#settled(wanted)
      return false
    }
    if (this.#canGoOn()) {
      await this.#beside.install(next, AbortSignal.any([this.#closed.signal, wanted]))
      wanted.throwIfAborted()
    }
    this.#settings = this.#left(next)
    this.#beside.forget()
    const runs = this.#asked === 'run'
    if (runs) this.#run()
    await (runs ? this.#settled(wanted) : this.#staysStopped(this.#settings, wasRefused))
    return runs
  }

  #complete(fetched: RuntimeSettings): RuntimeSettings {
    const next = withKnownKeys(fetched, this.#settings ?? this.#last.get())
    this.#last.withdraw(next)
    this.#last.offer(next)
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

  /** Waits for what is under way, but not while newer settings wait: what they change may be all that keeps it from settling. */
  async #settled(wanted: AbortSignal): Promise<void> {
    await this.#supervisor.settled(wanted)
    wanted.throwIfAborted()
  }

  /** Modules may take long, or never come: whoever has those that it ran with before begins on these. */
  #beginOnLast(next: RuntimeSettings): void {
    const last = this.#settings ?? this.#last.get()
    if (last === undefined || !this.#modules.differ(next) || this.#modules.differ(last)) return
    this.#settings = withoutGone(last, next)
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
    this.#last.ran(settings)
    this.#inForce = settings.digest
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
