import { fs } from './builtin.ts'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { writeFileAtomic } from './atomic-file.ts'
import type { InstancePaths } from './bootstrap.ts'
import { nodeRedEnvironment } from './child-environment.ts'
import { type Ended, reportDescriptor, spawnGuarded } from './child-process.ts'
import { ChildReports } from './child-reports.ts'
import type { ConsoleLog } from './console-log.ts'
import { FlowsFile, versionOf } from './flows-file.ts'
import { LineSplitter } from './log-buffer.ts'
import { ensurePackageJson } from './package-json.ts'
import type { StartMode } from './restart-policy.ts'
import type { Samples } from './samples.ts'
import { heapFlags, renderMembers, renderNpmrc, renderSettingsFile } from './settings-file.ts'
import type { LauncherBootstrap, LauncherState, RuntimeSettings } from './wire.ts'

const { existsSync, mkdirSync, readFileSync } = fs

/** The file that settings.js loads. It lies beside this one, in the sources and in what is published. */
const settingsRuntime = fileURLToPath(new URL('node-red/settings-runtime.cjs', import.meta.url))
const longestLine = 16 * 1024

/** A Node-RED that has been started. */
export interface RunningNodeRed {
  readonly pid: number
  readonly ended: Promise<Ended>
  /** Settles when it says that its flows have started. It may never. */
  readonly flowsStarted: Promise<void>
  signal(name: NodeJS.Signals): void
}

export interface NodeRedParts {
  readonly bootstrap: LauncherBootstrap
  readonly paths: InstancePaths
  readonly environment: NodeJS.ProcessEnv
  readonly log: ConsoleLog
  readonly samples: Pick<Samples, 'add'>
}

/** The files that Node-RED starts from, and its start. */
export class NodeRed {
  readonly #parts: NodeRedParts
  readonly #flows: FlowsFile
  /** What settings.js was written as, and the file's version when it was last seen to be that. */
  #written = { content: '', version: '' }

  constructor(parts: NodeRedParts) {
    this.#parts = parts
    this.#flows = new FlowsFile(parts.paths.flows)
  }

  flowsDigest(declared: RuntimeSettings['flows']): string | undefined {
    return this.#flows.digest(declared)
  }

  /** Whether the editor has changed credentials that Git declares: the storage module says so by a file. */
  credentialsEdited(): boolean {
    return existsSync(join(this.#parts.paths.storage, 'credentials-edited'))
  }

  settingsFile(): LauncherState['settingsFile'] {
    const { settingsFile } = this.#parts.paths
    if (!existsSync(settingsFile)) return 'missing'
    // Nothing has been written yet that it could differ from; it is written before the first start.
    if (this.#written.content === '') return 'intact'
    const version = versionOf(settingsFile)
    if (version === this.#written.version) return 'intact'
    if (readFileSync(settingsFile, 'utf8') !== this.#written.content) return 'changed'
    this.#written = { ...this.#written, version }
    return 'intact'
  }

  /** Who may sign in; a running Node-RED heeds it at once. */
  writeMembers(settings: RuntimeSettings): void {
    const content = renderMembers(settings)
    const { members } = this.#parts.paths
    if (!existsSync(members) || readFileSync(members, 'utf8') !== content) writeFileAtomic(members, content)
  }

  /** Writes all that Node-RED starts from, but its modules. */
  writeFiles(settings: RuntimeSettings): void {
    const { paths, bootstrap, log } = this.#parts
    mkdirSync(paths.user, { recursive: true, mode: 0o700 })
    ensurePackageJson(paths.user)
    this.writeMembers(settings)
    this.#writeOthers(settings)
    const content = renderSettingsFile(settings, {
      runtime: settingsRuntime,
      nodeRed: redScript(bootstrap),
      membersFile: paths.members,
      user: paths.user,
      storage: paths.storage,
      runtimeUrl: bootstrap.runtimeUrl,
      runtimeToken: bootstrap.runtimeToken,
    })
    if (content !== this.#written.content || this.settingsFile() !== 'intact') {
      writeFileAtomic(paths.settingsFile, content)
      this.#written = { content, version: versionOf(paths.settingsFile) }
    }
    if (settings.flows !== undefined && this.#flows.ensure(settings.flows)) {
      log.say('Wrote the flows that Git declares')
    }
  }

  /** What npm heeds when Node-RED calls it, and certificates: those of the instance, and what the machine trusts anyway. */
  #writeOthers(settings: RuntimeSettings): void {
    const { paths, environment } = this.#parts
    writeIfNew(join(paths.user, '.npmrc'), renderNpmrc(settings, environment))
    if (settings.certificates === undefined) return
    const machines = environment['NODE_EXTRA_CA_CERTS']
    const trusted = machines === undefined || !existsSync(machines) ? '' : readFileSync(machines, 'utf8')
    writeIfNew(paths.certificates, settings.certificates + trusted)
  }

  /** Starts it on the files as they are. Throws when no process can be made. */
  start(settings: RuntimeSettings, mode: StartMode): RunningNodeRed {
    const { paths, bootstrap, environment } = this.#parts
    // V8's flags must stand before the script; behind it they would be Node-RED's.
    const limit = settings.memory === undefined ? [] : heapFlags(settings.memory)
    const safe = mode === 'safe' ? ['--safe'] : []
    const console = new ChildConsole(this.#parts.log)
    const { promise: flowsStarted, resolve } = Promise.withResolvers<void>()
    const reports = new ChildReports({ flows: resolve, sample: (sample) => this.#parts.samples.add(sample) })
    const child = spawnGuarded(
      {
        file: bootstrap.node,
        arguments: [...limit, redScript(bootstrap), '-u', paths.user, '-s', paths.settingsFile, ...safe],
        folder: paths.user,
        environment: {
          ...nodeRedEnvironment(environment, settings, {
            // Who installs a stack may have filled it.
            cache: join(bootstrap.stack, 'compile-cache'),
            certificates: paths.certificates,
          }),
          WEIR_REPORT: String(reportDescriptor),
        },
        reports: (bytes) => reports.take(bytes),
      },
      (from, bytes) => console.take(from, bytes),
    )
    const ended = child.ended.then((end) => {
      console.end()
      return end
    })
    return {
      pid: child.pid,
      ended,
      flowsStarted,
      signal: (name) => child.signal(name),
    }
  }
}

function writeIfNew(path: string, content: string): void {
  if (!existsSync(path) || readFileSync(path, 'utf8') !== content) writeFileAtomic(path, content)
}

function redScript(bootstrap: LauncherBootstrap): string {
  return join(bootstrap.stack, 'node_modules', 'node-red', 'red.js')
}

/** Brings what a process prints into the log by lines. */
class ChildConsole {
  readonly #log: ConsoleLog
  readonly #splitters = { stdout: new LineSplitter(longestLine), stderr: new LineSplitter(longestLine) }

  constructor(log: ConsoleLog) {
    this.#log = log
  }

  take(from: 'stdout' | 'stderr', bytes: Buffer): void {
    this.#log.write('node-red', this.#splitters[from].push(bytes))
  }

  end(): void {
    this.#log.write('node-red', this.#splitters.stdout.end())
    this.#log.write('node-red', this.#splitters.stderr.end())
  }
}
