import { decryptCredentials } from './node-credentials.ts'
import type { DesiredState } from '../model/desired-state.ts'
import { isEncryptedCredentials } from '../model/encrypted-credentials.ts'
import type { Inventory } from '../model/inventory.ts'
import type { Problem } from '../model/plan.ts'
import type { ResolvedInstance } from '../model/resource.ts'
import type { Secret } from '../model/secret.ts'

/** The key that credentials of an instance are to be encrypted with; undefined where it is not at hand. */
export type CredentialKeyOf = (instance: ResolvedInstance, uid: string | undefined) => Secret | undefined

export interface CheckedCredentials {
  /** Instances whose declared credentials the key in force does not open; by name. */
  readonly undecryptable: ReadonlyMap<string, Problem>
  /** Those whose own key is not at hand: it is made with the instance. */
  readonly unchecked: ReadonlyMap<string, Problem>
}

/**
 * Tries the declared credentials of every instance with the key that it would be given, before anything is touched. A
 * declared secret that is missing is told elsewhere.
 */
export function checkCredentials(
  { instances, credentials, renames }: Pick<DesiredState, 'instances' | 'credentials' | 'renames'>,
  inventory: Inventory,
  keyOf: CredentialKeyOf | undefined,
): CheckedCredentials {
  const undecryptable = new Map<string, Problem>()
  const unchecked = new Map<string, Problem>()
  const declaring = [...instances.values()].filter(({ flows }) => flows?.credentials !== undefined)
  if (declaring.length === 0 || keyOf === undefined) return { undecryptable, unchecked }
  const uids = new Map([...inventory.values()].map(({ name, uid }) => [name, uid]))
  for (const instance of declaring) {
    const { name } = instance
    const key = keyOf(instance, uids.get(name) ?? uids.get(renames.get(name) ?? name))
    if (key === undefined) {
      if (instance.credentialSecret === undefined) unchecked.set(name, keyless(instance))
    } else if (!opens(instance, key, credentials)) undecryptable.set(name, closed(instance))
  }
  return { undecryptable, unchecked }
}

const verdicts = new WeakMap<ResolvedInstance, { readonly key: Secret; readonly opens: boolean }>()

/** Tried once for one declaration and one key. */
function opens(instance: ResolvedInstance, key: Secret, texts: DesiredState['credentials']): boolean {
  const before = verdicts.get(instance)
  if (before?.key === key) return before.opens
  const text = texts.get(instance.flows?.credentials?.digest ?? '')
  const file: unknown = text === undefined ? undefined : JSON.parse(text)
  const verdict = isEncryptedCredentials(file) && decryptCredentials(file, key) !== undefined
  verdicts.set(instance, { key, opens: verdict })
  return verdict
}

function closed({ name, flows, credentialSecret }: ResolvedInstance): Problem {
  const key = credentialSecret === undefined ? 'its own key' : `the secret "${credentialSecret.secret}"`
  const remedy =
    credentialSecret === undefined
      ? `print them anew with "reconcile flows export ${name} --credentials --own", or name their key in flows.credentialSecret`
      : `encrypt them with that secret ("reconcile flows export ${name} --credentials --secret ${credentialSecret.secret}"), or put the right value into it`
  return {
    code: 'undecryptable-credentials',
    message: `${flows?.credentials?.path ?? ''}: the credentials of "${name}" cannot be decrypted with ${key}; ${remedy}`,
    target: name,
  }
}

function keyless({ name, flows }: ResolvedInstance): Problem {
  return {
    code: 'undecryptable-credentials',
    message: `${flows?.credentials?.path ?? ''}: the credentials of "${name}" cannot be decrypted: its own key is not here, since it is made when the instance is; name their key in flows.credentialSecret, or leave them out until it runs`,
    target: name,
  }
}
