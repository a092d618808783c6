import type { CredentialKeys } from './credential-keys.ts'
import type { Member, RuntimeMembers, RuntimeSettings } from '../../launcher/wire.ts'
import { opens } from '../model/read-token.ts'
import { editorPermissions } from '../model/editor-permissions.ts'
import { instanceUrls, redirectUrisOf } from '../model/instance-urls.ts'
import { parseMemory, parseSize } from '../model/quantity.ts'
import type { Seat } from '../model/seat.ts'
import type { DesiredState } from '../model/desired-state.ts'
import { defined } from '../model/defined.ts'
import type { PlacedInstance } from '../model/placed-instance.ts'
import { isEncryptedCredentials } from '../model/encrypted-credentials.ts'
import type { Access, DeclaredFlows, EnvValue, ResolvedInstance, UserDocument } from '../model/resource.ts'
import type { Secret } from '../model/secret.ts'

export interface SettingsSources {
  readonly desired: Pick<DesiredState, 'flows' | 'credentials' | 'certificates' | 'users'>
  readonly secrets: ReadonlyMap<string, Secret>
  readonly credentialKeys: Pick<CredentialKeys, 'inForce' | 'earlier'>
  /** The digest of what a declaration comes to beside its members. */
  readonly base: (spec: ResolvedInstance) => string
  readonly seat: Seat
  /** How its editor signs people in. */
  readonly identity: Omit<NonNullable<RuntimeSettings['identity']>, 'redirectUris'>
  /** See `Member.proof`. */
  readonly proofOf: (uid: string, user: UserDocument) => string
}

/**
 * What an instance's launcher is handed. Undefined when something it needs is not at hand, such as a secret or the
 * flows of an older revision: the launcher then goes on with what it has.
 */
export function runtimeSettings(
  placed: PlacedInstance,
  sources: SettingsSources,
): RuntimeSettings | undefined {
  const { spec } = placed
  const needed = whatItNeeds(placed, sources)
  if (needed === undefined) return undefined
  const { key, certificates, people, ...found } = needed
  return defined({
    ...found,
    uid: placed.uid,
    name: spec.name,
    digest: placed.settings,
    base: sources.base(spec),
    host: sources.seat.host,
    memory: spec.resources.memory === undefined ? undefined : parseMemory(spec.resources.memory),
    modules: spec.modules,
    allowInstallScripts: sources.seat.allowInstallScripts,
    credentialSecret: key.reveal(),
    earlierCredentialSecrets: sources.credentialKeys.earlier(placed.uid, spec).map((one) => one.reveal()),
    editor: spec.editor,
    endpoints: endpoints(spec.endpoints),
    functionModules: spec.functionModules,
    context: spec.context,
    certificates: certificates?.text,
    identity: { ...sources.identity, redirectUris: redirectUris(placed, sources.seat) },
    members: people.map((person) => memberOf(placed, person, sources)),
  })
}

/** Who may come in, where that is all that can be told: it needs nothing that may be missing. */
export function runtimeMembers(
  placed: PlacedInstance,
  sources: Pick<SettingsSources, 'desired' | 'proofOf' | 'base'>,
): RuntimeMembers {
  const { uid, spec, settings } = placed
  const members = Object.entries(spec.access).map(([username, { role }]) => {
    const user = sources.desired.users.get(username)
    return user === undefined
      ? { username, permissions: permissionsOf(spec, role) }
      : memberOf(placed, { username, role, user }, sources)
  })
  return { uid, digest: settings, base: sources.base(spec), members }
}

/** What may be missing; undefined where something is. */
function whatItNeeds({ uid, spec, port: own }: PlacedInstance, sources: SettingsSources) {
  const { desired, secrets, credentialKeys, seat } = sources
  const port = seat.port ?? own
  const env = revealEnv(spec.env, secrets)
  const flows = spec.flows === undefined ? undefined : declaredFlows(spec.flows, desired)
  const certificates = textOf(spec.certificates, desired.certificates)
  const key = credentialKeys.inForce(uid, spec)
  const people = peopleWith(spec.access, desired)
  if (env === undefined || port === undefined || key === undefined || people === undefined) return undefined
  if (certificates === 'unknown' || (spec.flows !== undefined && flows === undefined)) return undefined
  return { env, port, key, flows, certificates, people }
}

function redirectUris({ spec, port }: PlacedInstance, seat: Seat): readonly string[] {
  return redirectUrisOf(instanceUrls(seat, port, spec.hostnames))
}

/** The text of a file that an instance names, if it names one. */
function textOf(
  named: ResolvedInstance['certificates'],
  texts: ReadonlyMap<string, string>,
): { readonly text: string } | 'unknown' | undefined {
  if (named === undefined) return undefined
  const text = texts.get(named.digest)
  return text === undefined ? 'unknown' : { text }
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

/** Somebody with access, whose document is known. */
interface Person {
  readonly username: string
  readonly role: Access['role']
  readonly user: UserDocument
}

/** Everybody with access; undefined where somebody is not known: a list without them would lock them out. */
function peopleWith(
  access: { readonly [user: string]: Access },
  { users }: Pick<DesiredState, 'users'>,
): readonly Person[] | undefined {
  const people: Person[] = []
  for (const [username, { role }] of Object.entries(access)) {
    const user = users.get(username)
    if (user === undefined) return undefined
    people.push({ username, role, user })
  }
  return people
}

/** A member, by whatever way they sign in. Hashes of passwords go only where they are compared. */
function memberOf(
  { uid, spec }: Pick<PlacedInstance, 'uid' | 'spec'>,
  { username, role, user }: Person,
  { proofOf }: Pick<SettingsSources, 'proofOf'>,
): Member {
  const { displayName, passwordHash, tokens: declared = [] } = user.spec
  const tokens = declared.filter((token) => opens(token, 'instances'))
  return defined({
    username,
    displayName,
    permissions: permissionsOf(spec, role),
    proof: proofOf(uid, user),
    passwordHash: spec.endpoints.access === 'basic' ? passwordHash : undefined,
    tokens:
      tokens.length === 0 ? undefined : tokens.map(({ sha256, expires }) => defined({ sha256, expires })),
  })
}

/** Where the flows are locked nobody may do more than read. */
function permissionsOf({ flows }: ResolvedInstance, role: Access['role']): Member['permissions'] {
  const granted = editorPermissions[role]
  return flows?.onEdit === 'lock' && granted === '*' ? 'read' : granted
}
