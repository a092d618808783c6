import type { Member, RuntimeSettings } from '../../launcher/wire.ts'
import { parseMemory, parseSize } from '../model/quantity.ts'
import type { DesiredState } from '../model/desired-state.ts'
import { defined } from '../model/defined.ts'
import type { PlacedInstance } from '../model/placed-instance.ts'
import type { Access, EnvValue, ResolvedInstance } from '../model/resource.ts'
import type { Secret } from '../model/secret.ts'

export interface SettingsSources {
  readonly desired: Pick<DesiredState, 'flows' | 'certificates' | 'users'>
  readonly secrets: ReadonlyMap<string, Secret>
  readonly credentialSecret: Secret
  readonly host: string
  readonly allowInstallScripts: boolean
}

/**
 * What an instance's launcher is handed. Undefined when something it needs is not at hand, such as a secret or the
 * flows of an older revision: the launcher then goes on with what it has.
 */
export function runtimeSettings(
  placed: PlacedInstance,
  sources: SettingsSources,
): RuntimeSettings | undefined {
  const { spec, port } = placed
  const env = revealEnv(spec.env, sources.secrets)
  const flowsText = textOf(spec.flows, sources.desired.flows)
  const certificates = textOf(spec.certificates, sources.desired.certificates)
  if (env === undefined || port === undefined || flowsText === 'unknown' || certificates === 'unknown')
    return undefined
  if (!areKnown(spec.access, sources.desired)) return undefined
  return defined({
    uid: placed.uid,
    name: spec.name,
    digest: placed.settings,
    host: sources.host,
    port,
    memory: spec.resources.memory === undefined ? undefined : parseMemory(spec.resources.memory),
    env,
    modules: spec.modules,
    allowInstallScripts: sources.allowInstallScripts,
    flows: declaredFlows(spec.flows?.digest, flowsText?.text),
    credentialSecret: sources.credentialSecret.reveal(),
    editor: spec.editor,
    endpoints: endpoints(spec.endpoints),
    functionModules: spec.functionModules,
    context: spec.context,
    certificates: certificates?.text,
    members: members(spec.access, sources.desired),
  })
}

/** The text of a file that an instance names, if it names one. */
function textOf(
  named: ResolvedInstance['flows'],
  texts: ReadonlyMap<string, string>,
): { readonly text: string } | 'unknown' | undefined {
  if (named === undefined) return undefined
  const text = texts.get(named.digest)
  return text === undefined ? 'unknown' : { text }
}

function declaredFlows(digest: string | undefined, text: string | undefined): RuntimeSettings['flows'] {
  if (digest === undefined || text === undefined) return undefined
  const nodes: unknown = JSON.parse(text)
  return Array.isArray(nodes) ? { digest, nodes } : undefined
}

function endpoints({ bodyLimit, ...others }: ResolvedInstance['endpoints']): RuntimeSettings['endpoints'] {
  return bodyLimit === undefined ? others : { ...others, bodyLimit: parseSize(bodyLimit) }
}

function revealEnv(
  env: { readonly [name: string]: EnvValue },
  secrets: ReadonlyMap<string, Secret>,
): { readonly [name: string]: string } | undefined {
  const values: Record<string, string> = {}
  for (const [name, value] of Object.entries(env)) {
    const text = 'value' in value ? value.value : secrets.get(value.secret)?.reveal()
    if (text === undefined) return undefined
    values[name] = text
  }
  return values
}

const permissions = { owner: '*', member: '*', viewer: 'read', admin: 'read', dashboard: '' } as const

/** Whether everybody who has a password is known with it: an empty list would lock everybody out. */
function areKnown(
  access: { readonly [user: string]: Access },
  { users }: Pick<DesiredState, 'users'>,
): boolean {
  return Object.entries(access).every(
    ([name, { password }]) => password === undefined || users.get(name)?.spec.passwordHash !== undefined,
  )
}

/** Those who may sign in: members with a password. */
function members(
  access: { readonly [user: string]: Access },
  { users }: Pick<DesiredState, 'users'>,
): readonly Member[] {
  return Object.entries(access).flatMap(([username, { role }]) => {
    const passwordHash = users.get(username)?.spec.passwordHash
    return passwordHash === undefined ? [] : [{ username, passwordHash, permissions: permissions[role] }]
  })
}
