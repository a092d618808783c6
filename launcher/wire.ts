/** What launcher and reconciler say to each other: the only file that both import. */

/** `GET /runtime/v1/settings`, with the instance's token as bearer. Every value may be secret. */
export interface RuntimeSettings {
  readonly uid: string
  readonly name: string
  /** Changes when anything below does. The launcher reports it back as applied. */
  readonly digest: string
  /** The same but for the members. Absent in settings of an earlier version. */
  readonly base?: string
  readonly host: string
  readonly port: number
  /** The memory limit of Node-RED in bytes. */
  readonly memory?: number
  readonly env: { readonly [name: string]: string }
  /** npm package to exact version. */
  readonly modules: { readonly [name: string]: string }
  readonly allowInstallScripts: boolean
  /** The flows declared in Git; absent: the editor owns them. */
  readonly flows?: {
    readonly digest: string
    readonly nodes: readonly unknown[]
    /** Credentials declared with them, as Node-RED encrypted them; absent: those of the editor stay. */
    readonly credentials?: { readonly $: string }
  }
  /** The secret that Node-RED encrypts credentials with. */
  readonly credentialSecret: string
  /** Those before it, newest first: what is still encrypted with one of them is encrypted anew. */
  readonly earlierCredentialSecrets?: readonly string[]
  readonly editor: EditorSettings
  readonly endpoints: EndpointSettings
  /** What function nodes may use; absent: nothing. Rules as in `PaletteSettings`. */
  readonly functionModules?: ModuleRules
  /** Where context is kept; absent: in memory. */
  readonly context?: 'file'
  /** Certificate authorities to trust beside those of Node.js, in PEM form. */
  readonly certificates?: string
  readonly identity?: {
    readonly issuer: string
    /** The same door as instances reach it. */
    readonly backChannel: string
    readonly clientId: string
    readonly clientSecret: string
    readonly redirectUris: readonly string[]
    /** How long a session lasts, at the editor and at the endpoints. */
    readonly sessionHours: number
  }
  readonly members: readonly Member[]
}

/**
 * `GET /runtime/v1/members`, while the settings cannot be handed out or are not to be taken over: who may come in at most. It
 * takes rights away and gives none.
 */
export interface RuntimeMembers {
  readonly uid: string
  /** Of the settings with these members, and of the same without them: who has the rest already and all of these has all. */
  readonly digest: string
  readonly base: string
  readonly members: readonly MemberLeft[]
}

/** Of a member whose User cannot be read, no more than the rights are told. */
export type MemberLeft = Pick<Member, 'username' | 'permissions'> & Partial<Member>

/** What is absent is Node-RED's default. */
export interface EditorSettings {
  readonly enabled: boolean
  readonly title: string
  readonly timeZone?: string
  readonly theme?: string
  readonly header?: { readonly title?: string; readonly url?: string }
  readonly tours?: boolean
  readonly codeEditor?: {
    readonly library?: 'monaco' | 'ace'
    readonly options?: { readonly [name: string]: string | number | boolean }
  }
  readonly debugMaxLength?: number
  readonly palette?: PaletteSettings
}

/** Names of packages with `*` for any characters, and optionally `@` and a range of versions. */
export interface ModuleRules {
  readonly allow?: readonly string[]
  readonly deny?: readonly string[]
  readonly allowInstall?: boolean
}

export interface PaletteSettings extends ModuleRules {
  readonly catalogues?: readonly string[]
  readonly excludeNodes?: readonly string[]
}

export interface EndpointSettings {
  readonly access: 'public' | 'basic' | 'members'
  readonly cors?: {
    readonly origins: readonly string[]
    readonly methods?: readonly string[]
    readonly headers?: readonly string[]
    readonly credentials?: boolean
    readonly maxAge?: number
  }
  /** In bytes. */
  readonly bodyLimit?: number
  /** Folders below `static/` in Node-RED's userDir, and where they are served. */
  readonly static?: readonly { readonly path: string; readonly root: string }[]
}

/**
 * Somebody who may come in, by whatever way. `permissions` are Node-RED's; `''`: HTTP endpoints and dashboards only.
 * The hash of a password is there only where `endpoints.access` is `basic`.
 */
export interface Member {
  readonly username: string
  readonly displayName?: string
  readonly permissions: '*' | 'read' | ''
  /** Opaque, and another one for each instance. A session that began with a former one is over. */
  readonly proof: string
  readonly passwordHash?: string
  /** Read tokens: SHA-256 in hexadecimal digits, and until when (RFC 3339). */
  readonly tokens?: readonly { readonly sha256: string; readonly expires?: string }[]
}

export const launcherPhases = [
  'installing',
  'starting',
  'running',
  'safe',
  'crashed',
  'stopping',
  'stopped',
] as const
export type LauncherPhase = (typeof launcherPhases)[number]

/** The state of a launcher: `GET /state` of its admin API, and the body of `POST /runtime/v1/state`. */
export interface LauncherState {
  readonly uid: string
  readonly name: string
  readonly fleet: string
  readonly phase: LauncherPhase
  /** Why, for a person. */
  readonly message?: string
  /** Modules of newer settings are being installed, while those in force stay. Beside the phase `installing`: before it starts. */
  readonly installing?: boolean
  /** `digest` of the settings in force; absent before the first start. */
  readonly settings?: string
  /** Whether settings.js is still as it was written. */
  readonly settingsFile: 'intact' | 'changed' | 'missing'
  /** The digest of the flows on disk in canonical form; absent where there are none. */
  readonly flows?: string
  /** Whether the editor has changed credentials that are declared; absent where none are. */
  readonly credentials?: 'intact' | 'changed'
  /** What the settings that it was given declare; absent before it was given any. */
  readonly declares?: { readonly flows: boolean; readonly modules: readonly string[] }
  /** Installed modules with their versions, as found on disk. */
  readonly modules: { readonly [name: string]: string }
  readonly versions: { readonly nodeRed: string; readonly node: string }
  readonly port?: number
  readonly pid?: number
  /** What Node-RED said last before it ended, without values of its environment: where it has crashed or is in safe mode. */
  readonly lastLines?: readonly string[]
  /** How often Node-RED was started again after it ended by itself. */
  readonly restarts: number
  /** RFC 3339. */
  readonly since: string
}

/** `POST /reload` and `POST /withdraw` of the admin API where it could not be done: status 502. */
export interface ReloadRefusal {
  /** Why, for a person. */
  readonly error: string
  readonly state: LauncherState
}

/**
 * `launcher.json` in the instance's directory, mode 0600, written by the driver before it starts the launcher; or the file
 * that the launcher's `--bootstrap` names, renamed into its place within a minute after the start. Of the latter the launcher
 * keeps a copy, `bootstrap.json`. Tokens stand here and in Node-RED's settings: not in arguments, not in the environment.
 */
export interface LauncherBootstrap {
  readonly uid: string
  readonly name: string
  readonly fleet: string
  readonly runtimeUrl: string
  readonly runtimeToken: string
  readonly adminToken: string
  readonly adminHost: string
  readonly adminPort: number
  /** The folder whose node_modules holds node-red, and the Node.js binary that runs it. */
  readonly stack: string
  readonly node: string
  readonly versions: { readonly nodeRed: string; readonly node: string }
  /** The folder of installed modules that launchers share; absent: the instance's own. */
  readonly modules?: string
}

/** Node-RED ended by itself; it came up in safe mode; a module installed in the editor had to make way. */
export type HappenedEvent = 'crashed' | 'safe-mode' | 'module-removed'

/** What a launcher itself has to say to the audit trail, `POST /runtime/v1/audit`. */
export interface LauncherAuditEvent {
  /** Its own: an event that is sent again is recorded once. */
  readonly id: string
  /** RFC 3339. */
  readonly at: string
  readonly event: HappenedEvent | 'gap'
  /** Of a module that was removed: its name and version, joined by `@`. */
  readonly target?: string
  /** Of a gap: how many events were dropped. */
  readonly count?: number
}

/** The levels of Node-RED's log, from the worst down. */
export const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const
export type LogLevel = (typeof logLevels)[number]

/** A file of the console log that is set aside, beside `console.log`: the day in UTC of what it holds, and its number. */
export const logArchive = /^console\.(\d{4}-\d{2}-\d{2})\.(\d+)\.log$/

/** One line of the console log: a line of `console.log` in the instance's directory, and of `GET /logs`. */
export interface LauncherLogLine {
  /**
   * Digits that grow from line to line: microseconds since the epoch, or one more than the line before where that is not
   * more. A cursor is one of them. Absent in lines of an earlier version.
   */
  readonly id?: string
  /** RFC 3339. */
  readonly at: string
  readonly source: 'launcher' | 'node-red'
  /** Where Node-RED named one. */
  readonly level?: LogLevel
  readonly text: string
}

/** `GET /logs?cursor=&limit=` of the admin API. */
export interface LauncherLogPage {
  /** Oldest first. */
  readonly lines: readonly LauncherLogLine[]
  /** Continues with what comes after these lines, now or later. */
  readonly next: string
  /** Continues with what comes before them; absent where nothing does. */
  readonly previous?: string
}

/** How Node-RED was over the 10 s before `at`: `GET /samples?since=` of the admin API. */
export interface LauncherSample {
  /** RFC 3339. */
  readonly at: string
  /** Of one core: 1 is all of it. */
  readonly cpu: number
  /** Resident, in bytes. */
  readonly memory: number
  /** How late timers came, in milliseconds. */
  readonly loopDelayMean: number
  readonly loopDelayP99: number
  /** Messages a second that nodes sent, and that nodes were given. */
  readonly sent: number
  readonly received: number
}

/** The fields of a sample that are numbers, in the order that a process reports them in. */
export const sampleFields = ['cpu', 'memory', 'loopDelayMean', 'loopDelayP99', 'sent', 'received'] as const

/** `GET /health` of the admin API: 200 where Node-RED answers now, 503 where it does not. */
export interface LauncherHealth {
  readonly phase: LauncherPhase
}
