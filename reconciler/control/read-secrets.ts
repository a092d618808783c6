import type { Secret } from '../model/secret.ts'
import type { Fingerprints } from '../secrets/attach-secrets.ts'
import { fingerprint, type FleetKey } from '../secrets/fleet-key.ts'
import type { SecretReader } from '../secrets/secret-folder.ts'

export interface SecretsInForce {
  /** Reads the named secrets anew and returns their fingerprints. */
  readonly fingerprints: (names: ReadonlySet<string>, signal: AbortSignal) => Promise<Fingerprints>
  /** What was last read. */
  readonly values: () => ReadonlyMap<string, Secret>
}

/** Secrets as the last round read them. */
export function createSecretsInForce(reader: SecretReader, key: FleetKey): SecretsInForce {
  let values: ReadonlyMap<string, Secret> = new Map()
  let prints: Fingerprints = new Map()
  const known = new WeakMap<Secret, string>()
  const fingerprintOf = (name: string, value: Secret): string => {
    const print = known.get(value) ?? fingerprint(key, name, value)
    known.set(value, print)
    return print
  }
  return {
    fingerprints: async (names, signal) => {
      const read = await reader.read(names, signal)
      if (read === values) return prints
      prints = new Map([...read].map(([name, value]) => [name, fingerprintOf(name, value)]))
      values = read
      return prints
    },
    values: () => values,
  }
}
