import { defined } from './defined.ts'

/** What the reconciler does for Git, what it refuses, and what is gone for good since flows of Git took its place. */
export const gitEvents = ['action', 'access', 'plan-refused', 'set-aside-removed'] as const

/** What people do in editors and what becomes of the instance, told by it; `gap` stands for events that it had to drop. */
export const editorEvents = [
  'sign-in',
  'sign-in-refused',
  'sign-out',
  'access-refused',
  'deploy',
  'module-installed',
  'module-removed',
  'library-changed',
  'settings-changed',
  'credentials-exported',
  'deploy-refused',
  'context-deleted',
  'crashed',
  'safe-mode',
  'gap',
] as const

export const auditEvents = [...gitEvents, ...editorEvents] as const
export type AuditEvent = (typeof auditEvents)[number]
export type EditorEvent = (typeof editorEvents)[number]

/**
 * One fact. The names of its fields are a closed set, so that nothing gets into the trail because somebody sent it along:
 * no contents of flows, no values of settings, no credentials.
 */
export interface AuditFact {
  /** When it happened, as whoever saw it says: RFC 3339 in UTC. */
  readonly at: string
  readonly event: AuditEvent
  /** When an event of an editor came in: the sender's clock may be wrong. */
  readonly receivedAt?: string
  /** What makes the fact one: a second fact with the same key is the same fact told again. */
  readonly key?: string
  readonly uid?: string
  readonly instance?: string
  /** Who did it in the editor, or whose access changed. */
  readonly user?: string
  readonly revision?: string
  /** Of the revision. */
  readonly author?: string
  readonly subject?: string
  readonly planId?: string
  readonly action?: string
  /** Whether Git changed, or what ran had drifted and was put back. */
  readonly cause?: string
  readonly outcome?: string
  readonly message?: string
  /** What a person allowed, where the plan would have been refused otherwise; and the account that person used. */
  readonly allowed?: string
  readonly allowedBy?: string
  /** Roles before and after. Of a gap: when the first and the last of what is missing happened. */
  readonly from?: string
  readonly to?: string
  /** SHA-256 of the flows before and after. */
  readonly flowsBefore?: string
  readonly flowsAfter?: string
  /** The module, the path in the library, the setting. Of a gap: what the missing events are. */
  readonly target?: string
  /** Of a gap: how many events are missing. Of anything else: how often it happened once more. */
  readonly count?: number
}

/** A fact in its place in the chain. */
export interface AuditEntry extends AuditFact {
  /** From 1 up, without holes. */
  readonly id: number
  /** The hash of the entry before; of none for the first. */
  readonly previous: string
  readonly hash: string
}

/** What a step of a plan goes back to. */
export interface Origin {
  readonly author?: string
  readonly subject?: string
  readonly cause?: string
  readonly allowed?: string
  readonly allowedBy?: string
}

export interface AuditFilter {
  /** An instance by this name or with this uid: it may have had another name. */
  readonly instance?: { readonly name: string; readonly uid?: string }
  readonly user?: string
  readonly event?: AuditEvent
  /** Recorded at this time or later: see `recordedAt`. */
  readonly since?: string
  /** Recorded before this time. */
  readonly until?: string
}

/** When it came in, where an instance told it: the time that the instance gave may be any. RFC 3339, UTC. */
export function recordedAt({ at, receivedAt }: Pick<AuditFact, 'at' | 'receivedAt'>): string {
  return receivedAt ?? at
}

/** Whether the entry itself is one of those: what stands beside it in the store may have been changed. */
export function matchesFilter(entry: AuditEntry, filter: AuditFilter): boolean {
  const { instance, user, event, since = '', until } = filter
  const time = recordedAt(entry)
  if (time < since || (until !== undefined && time >= until)) return false
  if (user !== undefined && entry.user !== user) return false
  if (event !== undefined && entry.event !== event) return false
  return instance === undefined || isOf(entry, instance)
}

function isOf(entry: AuditEntry, { name, uid }: { readonly name: string; readonly uid?: string }): boolean {
  return entry.instance === name || (uid !== undefined && entry.uid === uid)
}

/** Longer texts are cut: nothing that is told about a fact may make the trail a store for something else. */
export const longestText = 512

/** The fact as it is kept: texts bounded, and of characters that every database keeps as they are. */
export function plainFact(fact: AuditFact): AuditFact {
  const { event, count, ...texts } = fact
  const cleaned = Object.entries(texts).map(([name, text]) => [name, cleanText(text)] as const)
  return defined({ ...Object.fromEntries(cleaned), at: cleanText(fact.at), event, count })
}

/** A time in UTC with milliseconds, so that times compare as texts; undefined where it is none. */
export function utc(time: string): string | undefined {
  // RFC 3339 has leap seconds, which Date does not know
  const [ms = Number.NaN] = [time, time.replace(/:60(?=[.z+-])/i, ':59')]
    .map((text) => Date.parse(text))
    .filter((number) => !Number.isNaN(number))
  return Number.isNaN(ms) ? undefined : new Date(ms).toISOString()
}

function cleanText(text: string): string {
  const whole = Array.from(text.toWellFormed().replaceAll(controls, '\u{fffd}'))
  return whole.length <= longestText ? whole.join('') : `${whole.slice(0, longestText - 1).join('')}…`
}

const controls = /\p{Cc}/gu
