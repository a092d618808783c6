import { canonicalDigest } from './canonical-json.ts'
import type { LauncherState, RuntimeSettings } from './wire.ts'

/** What settings.js needs besides the instance's own settings. Absolute paths. */
export interface SettingsFilePlaces {
  /** settings-runtime.cjs: it turns the data into Node-RED's settings. */
  readonly runtime: string
  /** Node-RED's red.js. */
  readonly nodeRed: string
  readonly membersFile: string
  readonly user: string
  /** The folder for the storage plugin's own files, and the runtime door that it speaks to. */
  readonly storage: string
  readonly runtimeUrl: string
  readonly runtimeToken: string
}

/**
 * The content of Node-RED's settings.js: data and nothing else, so that no value can become code. JSON is JavaScript
 * (ECMA-262, 2019 on); the two line separators are escaped all the same for whoever reads it with less.
 */
export function renderSettingsFile(settings: RuntimeSettings, places: SettingsFilePlaces): string {
  const data = {
    nodeRed: places.nodeRed,
    membersFile: places.membersFile,
    host: settings.host,
    port: settings.port,
    credentialSecret: settings.credentialSecret,
    editor: settings.editor.enabled,
    access: settings.endpoints.access,
    identity: settings.identity,
    declared: {
      editor: settings.editor,
      endpoints: settings.endpoints,
      functionModules: settings.functionModules,
      context: settings.context,
      modules: Object.keys(settings.modules),
      user: places.user,
      storage: places.storage,
    },
    storage: {
      keys: [settings.credentialSecret, ...(settings.earlierCredentialSecrets ?? [])],
      credentials: settings.flows?.credentials,
      url: places.runtimeUrl,
      token: places.runtimeToken,
      folder: places.storage,
      user: places.user,
      declared: settings.flows !== undefined,
    },
  }
  return `// Written by the launcher from what Git declares. What is changed here is put back.
module.exports = require(${literal(places.runtime)}).settings(${literal(data)})
`
}

/**
 * The content of the userDir's .npmrc, for installations that Node-RED begins: what a person starts from the editor runs
 * no package's scripts either, unless they are allowed, and asks the registry that the launcher asks.
 */
export function renderNpmrc({ allowInstallScripts }: RuntimeSettings, host: NodeJS.ProcessEnv): string {
  const scripts = `ignore-scripts=${allowInstallScripts ? 'false' : 'true'}`
  const ours = ['registry', 'cafile'].flatMap((name) => {
    const value = host[`npm_config_${name}`] ?? host[`NPM_CONFIG_${name.toUpperCase()}`]
    return value === undefined || /[\r\n]/.test(value) ? [] : [`${name}=${value}`]
  })
  return ['# Written by the launcher.', scripts, 'audit=false', 'fund=false', ...ours, ''].join('\n')
}

/** The content of members.json, which Node-RED reads again whenever it changes. */
export function renderMembers(settings: RuntimeSettings): string {
  return `${JSON.stringify(settings.members, null, 2)}\n`
}

const mebibyte = 1024 * 1024
/** What Node-RED takes beside V8's heap: code, buffers, the binary itself. */
const besideHeap = 64 * mebibyte

/**
 * V8's flags for a memory limit in bytes. Its whole heap gets the limit less 64 MiB, and at least half of the limit, so that V8
 * collects harder before the limit is passed. Of that the young generation takes three semi-spaces; left to
 * itself it would take up to 192 MiB beside the old space.
 */
export function heapFlags(memory: number): readonly string[] {
  const heap = Math.floor(Math.max(memory - besideHeap, memory / 2) / mebibyte)
  const semiSpace = 2 ** Math.floor(Math.log2(Math.min(16, Math.max(1, heap / 16))))
  const oldSpace = Math.max(16, heap - 3 * semiSpace)
  return [`--max-old-space-size=${oldSpace}`, `--max-semi-space-size=${semiSpace}`]
}

/** What of it Git declares; the rest is the editor's. */
export function declaresOf(settings: RuntimeSettings | undefined): Pick<LauncherState, 'declares'> {
  if (settings === undefined) return {}
  const { flows, modules } = settings
  return { declares: { flows: flows !== undefined, modules: Object.keys(modules).toSorted() } }
}

/** As if what runs had been declared before: where Git takes over what an editor deployed, nothing restarts. */
export function declaring(before: RuntimeSettings, { flows }: RuntimeSettings): RuntimeSettings {
  if (flows === undefined) return before
  const { credentials } = before.flows ?? {}
  const { digest, nodes } = flows
  return { ...before, flows: { digest, nodes, ...(credentials === undefined ? {} : { credentials }) } }
}

/** Whether going from one to the other takes a restart of Node-RED. Members alone do not. */
export function needsRestart(before: RuntimeSettings, after: RuntimeSettings): boolean {
  return restartRelevant(before) !== restartRelevant(after)
}

function restartRelevant(settings: RuntimeSettings): string {
  const { env, modules, flows, editor, ...rest } = settings
  return JSON.stringify([
    sorted(env),
    sorted(modules),
    [flows?.digest, flows?.credentials?.$],
    canonicalDigest([editor, rest.endpoints, rest.functionModules, rest.context, rest.certificates]),
    [rest.host, rest.port, rest.memory, rest.allowInstallScripts, rest.credentialSecret, rest.identity],
  ])
}

function sorted(map: { readonly [name: string]: string }): readonly (readonly [string, string])[] {
  return Object.entries(map).toSorted(([a], [b]) => (a < b ? -1 : 1))
}

function literal(value: unknown): string {
  return JSON.stringify(value).replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029')
}
