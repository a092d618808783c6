import { ownKeyId, type SealedKey } from '../model/credential-keys.ts'
import type { ResolvedInstance } from '../model/resource.ts'
import { Secret } from '../model/secret.ts'
import type { CredentialKeyOf } from '../secrets/check-credentials.ts'
import { derive, fingerprint, type FleetKey } from '../secrets/fleet-key.ts'
import { sealKey, unsealKey } from '../secrets/sealed-key.ts'
import type { CredentialKeyStore, Store } from '../store/store.ts'

/** Names a credential key of an instance: its own, or a declared secret with the fingerprint of its value. */
type KeyChoice = Pick<ResolvedInstance, 'credentialSecret'>

/** The keys that credentials are and were encrypted with, as the store keeps them under the fleet's master key. */
export interface CredentialKeys {
  /** The key that a declaration names; undefined where it is not kept (yet). */
  inForce(uid: string, spec: KeyChoice): Secret | undefined
  /** The keys before it, newest first: what is still encrypted with one of them can be read. */
  earlier(uid: string, spec: KeyChoice): readonly Secret[]
  /** All that are kept, newest first. */
  all(uid: string): readonly Secret[]
  /**
   * Keeps the key that a declaration names before anything is encrypted with it, and makes the instance's own where it has
   * none. `secrets`: declared ones as last read.
   * @throws Error where the secret has changed since the plan was made.
   */
  keep(uid: string, spec: KeyChoice, secrets: ReadonlyMap<string, Secret>): Promise<void>
  forget(uid: string): void
}

export interface CredentialKeyParts {
  readonly store: CredentialKeyStore
  readonly master: FleetKey
  readonly clock: { now(): Date }
  readonly randomBytes: (size: number) => Uint8Array
}

/** So many earlier keys an instance is handed; the store keeps all of them. */
const handedOut = 8
/** As many bits as AES-256 has. */
const ownKeyBytes = 32
const nonceBytes = 12

interface Kept extends SealedKey {
  readonly key: () => Secret
}

/** Reads all that are kept, once: whoever writes them is the only one to do so. */
export async function openCredentialKeys(parts: CredentialKeyParts): Promise<CredentialKeys> {
  const { store, master } = parts
  const byInstance = new Map<string, Map<string, Kept>>()
  const enter = (key: SealedKey): void => {
    const kept = byInstance.get(key.uid) ?? new Map<string, Kept>()
    kept.set(key.id, { ...key, key: once(() => unsealKey(master, key.uid, key.sealed)) })
    byInstance.set(key.uid, kept)
  }
  for (const key of await store.credentialKeys()) enter(key)
  return {
    inForce: (uid, spec) =>
      byInstance
        .get(uid)
        ?.get(idOf(spec) ?? '')
        ?.key(),
    earlier: (uid, spec) =>
      newestFirst(byInstance.get(uid))
        .filter(({ id }) => id !== idOf(spec))
        .slice(0, handedOut)
        .map(({ key }) => key()),
    all: (uid) => newestFirst(byInstance.get(uid)).map(({ key }) => key()),
    keep: async (uid, spec, secrets) => {
      const kept = byInstance.get(uid)
      const wanted = [
        ...(kept?.has(ownKeyId) === true ? [] : [{ id: ownKeyId, key: newKey(parts) }]),
        ...declaredKey(spec, secrets, { master, known: (id) => kept?.has(id) === true }),
      ]
      if (wanted.length === 0) return
      const sealed = wanted.map(({ id, key }) => sealedKey(parts, { uid, id, key }))
      await store.keepCredentialKeys(sealed)
      sealed.forEach(enter)
    },
    forget: (uid) => void byInstance.delete(uid),
  }
}

/** Keys that another process may keep as well. */
export interface FollowedKeys extends CredentialKeys {
  /** Reads all of them anew. */
  readonly renew: () => Promise<void>
}

/** @throws KeyError where the master key opens none of them: that of another fleet would have everything made anew. */
export async function followCredentialKeys(parts: CredentialKeyParts): Promise<FollowedKeys> {
  proveMasterKey(parts.master, await parts.store.credentialKeys())
  let keys = await openCredentialKeys(parts)
  return {
    inForce: (uid, spec) => keys.inForce(uid, spec),
    earlier: (uid, spec) => keys.earlier(uid, spec),
    all: (uid) => keys.all(uid),
    keep: async (uid, spec, secrets) => keys.keep(uid, spec, secrets),
    forget: (uid) => keys.forget(uid),
    renew: async () => {
      keys = await openCredentialKeys(parts)
    },
  }
}

/**
 * Gives every instance that was there before keys were kept the one that its credentials are encrypted with: it was derived
 * from the fleet's master key.
 */
export async function keepDerivedKeys(
  parts: CredentialKeyParts & { readonly store: Pick<Store, 'inventory'> },
): Promise<void> {
  const { store, master } = parts
  const own = new Set((await store.credentialKeys()).flatMap(({ uid, id }) => (id === ownKeyId ? [uid] : [])))
  const lacking = (await store.inventory()).filter(
    ({ uid, applied }) => applied !== undefined && !own.has(uid),
  )
  if (lacking.length === 0) return
  await store.keepCredentialKeys(
    lacking.map(({ uid }) =>
      sealedKey(parts, { uid, id: ownKeyId, key: derive(master, 'credentials', uid) }),
    ),
  )
}

/** The key that a declaration would be given, as far as it is known now. `secrets`: declared ones as last read. */
export function credentialKeyOf(
  keys: Pick<CredentialKeys, 'inForce'>,
  secrets: () => ReadonlyMap<string, Secret>,
): CredentialKeyOf {
  return (instance, uid) => {
    const { credentialSecret } = instance
    if (credentialSecret !== undefined) return secrets().get(credentialSecret.secret)
    return uid === undefined ? undefined : keys.inForce(uid, instance)
  }
}

function proveMasterKey(master: FleetKey, kept: readonly SealedKey[]): void {
  let failure: unknown
  for (const { uid, sealed } of kept)
    try {
      unsealKey(master, uid, sealed)
      return
    } catch (error) {
      failure = error
    }
  if (failure !== undefined) throw failure
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined
  return () => {
    made ??= { value: make() }
    return made.value
  }
}

function newestFirst(kept: ReadonlyMap<string, Kept> | undefined): readonly Kept[] {
  return [...(kept?.values() ?? [])].toSorted((a, b) => (a.keptAt < b.keptAt ? 1 : -1))
}

function idOf({ credentialSecret }: KeyChoice): string | undefined {
  return credentialSecret === undefined ? ownKeyId : credentialSecret.fingerprint
}

function newKey({ randomBytes }: CredentialKeyParts): Secret {
  return new Secret(Buffer.from(randomBytes(ownKeyBytes)).toString('base64url'))
}

/** Only the very value that was planned with: its fingerprint is how the key is found again. */
function declaredKey(
  { credentialSecret }: KeyChoice,
  secrets: ReadonlyMap<string, Secret>,
  { master, known }: { readonly master: FleetKey; readonly known: (id: string) => boolean },
): readonly { readonly id: string; readonly key: Secret }[] {
  const { secret, fingerprint: id } = credentialSecret ?? {}
  if (secret === undefined || id === undefined || known(id)) return []
  const key = secrets.get(secret)
  if (key === undefined || fingerprint(master, secret, key) !== id)
    throw new Error(`the secret "${secret}" has changed since the plan was made`)
  return [{ id, key }]
}

function sealedKey(
  { master, clock, randomBytes }: CredentialKeyParts,
  { uid, id, key }: { readonly uid: string; readonly id: string; readonly key: Secret },
): SealedKey {
  const sealed = sealKey(master, uid, key, randomBytes(nonceBytes))
  return { uid, id, sealed, keptAt: clock.now().toISOString() }
}
