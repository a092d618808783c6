import type { DesiredState } from '../model/desired-state.ts'
import { byName, type Inventory } from '../model/inventory.ts'
import type { Problem } from '../model/plan.ts'
import type { EnvValue, ResolvedInstance } from '../model/resource.ts'

/** By name of a secret: the fingerprint of its value; absent where there is none. */
export type Fingerprints = ReadonlyMap<string, string>

export interface WithSecrets {
  readonly instances: ReadonlyMap<string, ResolvedInstance>
  /** Instances that name a secret which is not there; by name. */
  readonly missing: ReadonlyMap<string, Problem>
}

/** The names of all secrets that the instances use. */
export function secretNames(desired: DesiredState): ReadonlySet<string> {
  const names = new Set<string>()
  for (const instance of desired.instances.values())
    for (const secret of secretsOf(instance)) names.add(secret)
  return names
}

/**
 * Enters the fingerprints of secrets into the instances, so that a new value shows as a change. Where a value is not
 * known the one that was last applied is assumed, so that a preview made elsewhere shows no change that is none.
 */
export function attachSecrets(
  desired: DesiredState,
  fingerprints: Fingerprints,
  inventory: Inventory,
): WithSecrets {
  const entries = byName(inventory)
  const instances = new Map<string, ResolvedInstance>()
  const missing = new Map<string, Problem>()
  for (const [name, instance] of desired.instances) {
    const before =
      entries.get(name)?.applied?.spec ?? entries.get(desired.renames.get(name) ?? name)?.applied?.spec
    instances.set(name, withFingerprints(instance, before, fingerprints))
    const secrets = secretsOf(instance)
    if (secrets.every((secret) => fingerprints.has(secret))) continue
    const absent = secrets.filter((secret) => !fingerprints.has(secret))
    missing.set(name, missingProblem(name, absent))
  }
  return { instances, missing }
}

interface Attached {
  readonly before: ResolvedInstance | undefined
  readonly fingerprints: readonly (string | undefined)[]
  readonly result: ResolvedInstance
}

const attached = new WeakMap<ResolvedInstance, Attached>()

/** The same object for the same fingerprints, since later steps keep what they know by identity. */
function withFingerprints(
  instance: ResolvedInstance,
  before: ResolvedInstance | undefined,
  known: Fingerprints,
): ResolvedInstance {
  const secrets = secretsOf(instance)
  if (secrets.length === 0) return instance
  const earlier = attached.get(instance)
  const same =
    earlier !== undefined &&
    secrets.every((secret, at) => known.get(secret) === earlier.fingerprints[at]) &&
    (earlier.before === before || !earlier.fingerprints.includes(undefined))
  if (same) return earlier.result
  const fingerprints = secrets.map((secret) => known.get(secret))
  const env: Record<string, EnvValue> = {}
  for (const [name, value] of Object.entries(instance.env))
    env[name] = 'secret' in value ? fingerprinted(name, value.secret, before, known) : value
  const result = { ...instance, env, ...withKey(instance, before, known) }
  attached.set(instance, { before, fingerprints, result })
  return result
}

/** The key of the credentials, where it is a declared secret. */
function withKey(
  { credentialSecret }: ResolvedInstance,
  before: ResolvedInstance | undefined,
  known: Fingerprints,
): Pick<ResolvedInstance, 'credentialSecret'> {
  if (credentialSecret === undefined) return {}
  const { secret } = credentialSecret
  const old = before?.credentialSecret
  const fingerprint = known.get(secret) ?? (old?.secret === secret ? old.fingerprint : undefined)
  return { credentialSecret: fingerprint === undefined ? { secret } : { secret, fingerprint } }
}

function fingerprinted(
  name: string,
  secret: string,
  before: ResolvedInstance | undefined,
  fingerprints: Fingerprints,
): EnvValue {
  const old = before !== undefined && Object.hasOwn(before.env, name) ? before.env[name] : undefined
  const fingerprint =
    fingerprints.get(secret) ??
    (old !== undefined && 'secret' in old && old.secret === secret ? old.fingerprint : undefined)
  return fingerprint === undefined ? { secret } : { secret, fingerprint }
}

const named = new WeakMap<ResolvedInstance, readonly string[]>()

function secretsOf(instance: ResolvedInstance): readonly string[] {
  const known = named.get(instance)
  if (known !== undefined) return known
  const found = [
    ...Object.values(instance.env).flatMap((value) => ('secret' in value ? [value.secret] : [])),
    ...(instance.credentialSecret === undefined ? [] : [instance.credentialSecret.secret]),
  ]
  named.set(instance, found)
  return found
}

function missingProblem(name: string, secrets: readonly string[]): Problem {
  const list = secrets.map((secret) => `"${secret}"`).join(', ')
  return {
    code: 'missing-secret',
    message: `"${name}" needs the secret ${list}, which is not in the folder of secrets, or holds a NUL byte or more than 127 KiB`,
    target: name,
  }
}
