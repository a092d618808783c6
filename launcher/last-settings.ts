import { fs } from './builtin.ts'
import { writeFileAtomic } from './atomic-file.ts'
import { isSettings } from './runtime-client.ts'
import type { RuntimeSettings } from './wire.ts'

const { readFileSync } = fs

/** The settings that this instance was given last; undefined where there are none that are whole and its own. */
export function readLastSettings(path: string, uid: string): RuntimeSettings | undefined {
  try {
    const parsed: unknown = JSON.parse(readFileSync(path, 'utf8'))
    return isSettings(parsed) && parsed.uid === uid ? parsed : undefined
  } catch {
    return undefined
  }
}

/** Earlier keys of credentials that an instance knows at most: those of the reconciler, and as many of this machine as one may have slept through. */
const keysKept = 64

/**
 * Settings with the keys that this machine knew before: what lies here may still be encrypted with one of them, whatever the
 * reconciler remembers.
 */
export function withKnownKeys(next: RuntimeSettings, before: RuntimeSettings | undefined): RuntimeSettings {
  const known = [
    ...(next.earlierCredentialSecrets ?? []),
    ...(before === undefined ? [] : [before.credentialSecret, ...(before.earlierCredentialSecrets ?? [])]),
  ]
  const earlier = new Set(known.filter((key) => key !== next.credentialSecret))
  return earlier.size === 0 ? next : { ...next, earlierCredentialSecrets: [...earlier].slice(0, keysKept) }
}

export function writeLastSettings(path: string, settings: RuntimeSettings): void {
  writeFileAtomic(path, JSON.stringify(settings))
}
