/** What launcher and reconciler say to each other: the only file that both import. */

/** `GET /runtime/v1/settings`, with the instance's token as bearer. Every value may be secret. */
export interface RuntimeSettings {
  readonly uid: string
  readonly name: string
  /** Changes when anything below does. The launcher reports it back as applied. */
  readonly digest: string
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
  readonly editor: { readonly enabled: boolean; readonly title: string; readonly timeZone?: string }
  readonly endpoints: { readonly access: 'public' | 'basic' | 'members' }
  readonly identity?: {
    readonly issuer: string
    /** The same door as instances reach it. */
    readonly backChannel: string
    readonly clientId: string
    readonly clientSecret: string
    readonly redirectUris: readonly string[]
  }
  readonly members: readonly Member[]
}

/**
 * Somebody who may come in, by whatever way. `permissions` are Node-RED's; `''`: HTTP endpoints and dashboards only.
 * The hash of a password is there only where `endpoints.access` is `basic`.
 */
export interface Member {
  readonly username: string
  readonly displayName?: string
  readonly permissions: '*' | 'read' | ''
  readonly passwordHash?: string
  /** Read tokens: SHA-256 in hexadecimal digits, and until when (RFC 3339). */
  readonly tokens?: readonly { readonly sha256: string; readonly expires?: string }[]
}

export const launcherPhases = ['installing', 'starting', 'running', 'crashed', 'stopping', 'stopped'] as const
export type LauncherPhase = (typeof launcherPhases)[number]

/** The state of a launcher: `GET /state` of its admin API, and the body of `POST /runtime/v1/state`. */
export interface LauncherState {
  readonly uid: string
  readonly name: string
  readonly fleet: string
  readonly phase: LauncherPhase
  /** Why, for a person. */
  readonly message?: string
  /** `digest` of the settings in force; absent before the first start. */
  readonly settings?: string
  /** Whether settings.js is still as it was written. */
  readonly settingsFile: 'intact' | 'changed' | 'missing'
  /** The digest of the flows on disk in canonical form; absent where there are none. */
  readonly flows?: string
  /** Whether the editor has changed credentials that are declared; absent where none are. */
  readonly credentials?: 'intact' | 'changed'
  /** Installed modules with their versions, as found on disk. */
  readonly modules: { readonly [name: string]: string }
  readonly versions: { readonly nodeRed: string; readonly node: string }
  readonly port?: number
  readonly pid?: number
  /** How often Node-RED was started again after it ended by itself. */
  readonly restarts: number
  /** RFC 3339. */
  readonly since: string
}

/** `POST /reload` of the admin API where it could not be done: status 502. */
export interface ReloadRefusal {
  /** Why, for a person. */
  readonly error: string
  readonly state: LauncherState
}

/**
 * `launcher.json` in the instance's directory, mode 0600, written by the driver before it starts the launcher.
 * Tokens stand here and nowhere else: not in arguments, not in the environment.
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
}

/** One line of the console log: a line of `console.log` in the instance's directory, and of `GET /logs`. */
export interface LauncherLogLine {
  /** RFC 3339. */
  readonly at: string
  readonly source: 'launcher' | 'node-red'
  readonly text: string
}
