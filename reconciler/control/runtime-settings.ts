import type { CredentialKeys } from './credential-keys.ts'
import type { Member, RuntimeSettings } from '../../launcher/wire.ts'
import { parseMemory } from '../model/quantity.ts'
import type { DesiredState } from '../model/desired-state.ts'
import { defined } from '../model/defined.ts'
import type { PlacedInstance } from '../model/placed-instance.ts'
import { isEncryptedCredentials } from '../model/encrypted-credentials.ts'
import type { Access, DeclaredFlows, EnvValue, ResolvedInstance } from '../model/resource.ts'
import type { Secret } from '../model/secret.ts'

export interface SettingsSources {
  readonly desired: Pick<DesiredState, 'flows' | 'credentials' | 'users'>
  readonly secrets: ReadonlyMap<string, Secret>
  readonly credentialKeys: Pick<CredentialKeys, 'inForce' | 'earlier'>
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
  const flows = spec.flows === undefined ? undefined : declaredFlows(spec.flows, sources.desired)
  const key = sources.credentialKeys.inForce(placed.uid, spec)
  if (env === undefined || port === undefined || key === undefined) return undefined
  if (spec.flows !== undefined && flows === undefined) return undefined
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
    flows,
    credentialSecret: key.reveal(),
    earlierCredentialSecrets: sources.credentialKeys.earlier(placed.uid, spec).map((one) => one.reveal()),
    editor: spec.editor,
    endpoints: spec.endpoints,
    members: members(spec, sources.desired),
  })
}

/** Undefined where the texts of that revision are not at hand. */
function declaredFlows(
  { digest, credentials: file }: DeclaredFlows,
  { flows, credentials }: SettingsSources['desired'],
): RuntimeSettings['flows'] {
  const nodes: unknown = parsed(flows.get(digest))
  if (!Array.isArray(nodes)) return undefined
  if (file === undefined) return { digest, nodes }
  const encrypted = parsed(credentials.get(file.digest))
  return isEncryptedCredentials(encrypted) ? { digest, nodes, credentials: encrypted } : undefined
}

function parsed(text: string | undefined): unknown {
  return text === undefined ? undefined : JSON.parse(text)
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

/** Those who may sign in: members with a password. Where the flows are locked nobody may do more than read. */
function members(
  { access, flows }: Pick<ResolvedInstance, 'access' | 'flows'>,
  { users }: Pick<DesiredState, 'users'>,
): readonly Member[] {
  return Object.entries(access).flatMap(([username, { role }]) => {
    const passwordHash = users.get(username)?.spec.passwordHash
    if (passwordHash === undefined) return []
    const granted = permissions[role]
    return [{ username, passwordHash, permissions: flows?.onEdit === 'lock' ? readAtMost(granted) : granted }]
  })
}

function readAtMost(granted: Member['permissions']): Member['permissions'] {
  return granted === '*' ? 'read' : granted
}
