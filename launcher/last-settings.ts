import { fs } from './builtin.ts'
import { writeFileAtomic } from './atomic-file.ts'
import { withoutGone } from './narrowed.ts'
import { isSettings } from './runtime-client.ts'
import type { RuntimeSettings } from './wire.ts'

const { readFileSync } = fs

/**
 * The settings that Node-RED was last started on, in a file: what an instance starts from without the reconciler, and while
 * what newer ones need cannot be had. Until it has once been started they are the newest ever given, for want of others.
 */
export class LastSettings {
  readonly #path: string
  readonly #uid: string
  #kept: Kept | undefined
  #read = false

  constructor(path: string, uid: string) {
    this.#path = path
    this.#uid = uid
  }

  /** Undefined where there are none that are whole and this instance's own. */
  get(): RuntimeSettings | undefined {
    return this.#get()?.settings
  }

  /** Node-RED is started on these. Throws what the file system throws. */
  ran(settings: RuntimeSettings): void {
    this.#keep({ settings, ran: true })
  }

  /** These were given. Throws what the file system throws. */
  offer(settings: RuntimeSettings): void {
    if (this.#get()?.ran !== true) this.#keep({ settings, ran: false })
  }

  /** Whoever newer ones do not name is gone, so that nobody comes back with a start without the reconciler. Throws what the file system throws. */
  withdraw(newer: RuntimeSettings): void {
    const kept = this.#get()
    if (kept !== undefined) this.#keep({ ...kept, settings: withoutGone(kept.settings, newer) })
  }

  #get(): Kept | undefined {
    if (!this.#read) this.#kept = readSettings(this.#path, this.#uid)
    this.#read = true
    return this.#kept
  }

  #keep(kept: Kept): void {
    const { settings, ran } = kept
    const before = this.#get()
    if (settings === before?.settings && ran === before.ran) return
    writeFileAtomic(this.#path, JSON.stringify(ran ? settings : { ...settings, neverRan: true }))
    this.#kept = kept
  }
}

interface Kept {
  readonly settings: RuntimeSettings
  readonly ran: boolean
}

/** Those of an earlier version do not say that they never ran. */
function readSettings(path: string, uid: string): Kept | undefined {
  try {
    const parsed: unknown = JSON.parse(readFileSync(path, 'utf8'))
    if (!isSettings(parsed) || parsed.uid !== uid) return undefined
    const { neverRan, ...settings }: RuntimeSettings & { readonly neverRan?: unknown } = parsed
    return { settings, ran: neverRan !== true }
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
