import { recordedAt, type AuditEntry, type AuditFact } from './audit.ts'
import { canonicalText, sha256 } from './digest.ts'

/** Where a chain begins: the previous hash of its first entry. */
export const noHash = '0'.repeat(64)

/** The newest entry of a chain, in short: whoever notes it elsewhere can tell later that nothing before it was changed. */
export interface ChainHead {
  readonly id: number
  readonly hash: string
}

export const emptyHead: ChainHead = { id: 0, hash: noHash }

/** A row as it stands in the store, for a proof: nothing of it is believed. */
export interface AuditRow {
  readonly [column: string]: unknown
}

/** The columns beside `id`, `previous`, `hash` and `entry` repeat what stands in the entry, for filters. */
export const repeated = ['at', 'event', 'key', 'uid', 'instance', 'user'] as const

/** The columns of a fact: those that repeat it, and by which time it is found. */
export function columnsOf(fact: AuditFact): AuditRow {
  const columns = Object.fromEntries(repeated.map((column) => [column, fact[column] ?? null]))
  return { ...columns, recorded_at: recordedAt(fact) }
}

/** What is kept of a fact: the canonical text of the entry (RFC 8785), and the SHA-256 of that text. */
export interface SealedFact {
  readonly entry: string
  readonly hash: string
}

/** Puts a fact behind the head of a chain. */
export function seal(fact: AuditFact, head: ChainHead): SealedFact {
  const entry = canonicalText({ ...fact, id: head.id + 1, previous: head.hash })
  return { entry, hash: sha256(entry) }
}

/** The entry of a row that was written by `seal`; undefined where it is none, or is not as it was written. */
export function unsealed(row: AuditRow): AuditEntry | undefined {
  const sealed = sealedIn(row)
  const entry = parsed(sealed?.entry)
  return isEntry(entry) && sealed !== undefined ? { ...entry, hash: sealed.hash } : undefined
}

/** One line of an export: the text that was hashed, with the hash as one more member at its end. */
export function exportLine({ entry, hash }: SealedFact): string {
  return `${entry.slice(0, -1)},"hash":"${hash}"}`
}

/** The text and hash of a row that was written by `seal`, whatever stands before it; undefined where they do not match. */
export function sealedIn({ entry, hash }: AuditRow): SealedFact | undefined {
  return typeof entry === 'string' && typeof hash === 'string' && sha256(entry) === hash
    ? { entry, hash }
    : undefined
}

export type ChainVerdict =
  | { readonly intact: true; readonly head: ChainHead }
  /** `id`: the first entry that is not as it was written. */
  | { readonly intact: false; readonly id: number; readonly problem: string; readonly head: ChainHead }

/**
 * Proves a chain from its first row to its last, one row at a time. `noted`: a head that was seen before; the chain must
 * still hold it. Without one a chain that lost its newest entries looks like one that never had them.
 */
export async function verifyChain(rows: AsyncIterable<AuditRow>, noted?: ChainHead): Promise<ChainVerdict> {
  let head = emptyHead
  for await (const row of rows) {
    const id = head.id + 1
    const problem = problemOf(row, head) ?? differsFromNoted({ id, hash: String(row['hash']) }, noted)
    if (problem !== undefined) return { intact: false, id, problem, head }
    head = { id, hash: String(row['hash']) }
  }
  if (noted === undefined || noted.id <= head.id) return { intact: true, head }
  const problem = `it is missing, and was there: entry ${noted.id} had been noted`
  return { intact: false, id: head.id + 1, problem, head }
}

function differsFromNoted({ id, hash }: ChainHead, noted: ChainHead | undefined): string | undefined {
  return noted?.id === id && noted.hash !== hash
    ? `its hash is ${hash}, and ${noted.hash} had been noted: it or an entry before it was written anew`
    : undefined
}

function problemOf(row: AuditRow, head: ChainHead): string | undefined {
  const { id } = row
  const expected = head.id + 1
  if (id === expected) return problemIn(row, head)
  return typeof id === 'number' && id > expected
    ? `it is missing; the next one is ${id}`
    : `a row with the id ${String(id)} stands in its place`
}

function problemIn(row: AuditRow, head: ChainHead): string | undefined {
  const sealed = sealedIn(row)
  if (sealed === undefined) return 'its content does not match its hash'
  const entry = parsed(sealed.entry)
  if (!isEntry(entry) || canonicalText(entry) !== sealed.entry)
    return 'its content is no entry in canonical form'
  if (entry.id !== head.id + 1) return `it holds entry ${entry.id}`
  if (entry.previous !== head.hash || row['previous'] !== head.hash)
    return `it does not follow entry ${head.id}: the hash of the entry before is another`
  const differing = Object.entries(columnsOf(entry)).find(
    ([column, value]) => (row[column] ?? null) !== value,
  )
  return differing === undefined ? undefined : `the column ${differing[0]} differs from its content`
}

function parsed(text: unknown): unknown {
  try {
    return typeof text === 'string' ? JSON.parse(text) : undefined
  } catch {
    return undefined
  }
}

/** Looks at the outline only: the hash tells whether the rest is as it was written. */
function isEntry(value: unknown): value is Omit<AuditEntry, 'hash'> {
  if (typeof value !== 'object' || value === null) return false
  const { id, previous, at, event }: { id?: unknown; previous?: unknown; at?: unknown; event?: unknown } =
    value
  return Number.isSafeInteger(id) && [previous, at, event].every((text) => typeof text === 'string')
}
