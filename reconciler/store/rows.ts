import { phases } from '../model/observed-state.ts'
import { driverNames, type ResolvedInstance } from '../model/resource.ts'
import type { Origin } from '../model/audit.ts'
import { conditionTypes, type Condition } from '../model/condition.ts'
import type { Applied, InventoryEntry } from '../model/inventory.ts'
import {
  flowsOrigins,
  type LibraryEntry,
  type SetAside,
  type StoredFlows,
} from '../model/instance-storage.ts'
import type { StatusRecord } from '../model/status-record.ts'
import type { JournalEntry, ReconciliationRecord } from './store.ts'

/** A row as the database hands it out: nothing is known of its columns yet. */
export type Row = { readonly [column: string]: unknown }

/** A row that this program cannot have written. */
export class RowError extends Error {
  constructor(column: string, expected: string) {
    super(`column ${column} does not hold ${expected}`)
    this.name = 'RowError'
  }
}

export function toInventoryEntry(row: Row): InventoryEntry {
  const port = optional(row, 'port', integer)
  const applied = optional(row, 'applied', json)
  if (applied !== undefined && !isApplied(applied)) throw new RowError('applied', 'an applied instance')
  return {
    uid: toText(row, 'uid'),
    name: toText(row, 'name'),
    driver: oneOf(row, 'driver', driverNames),
    ...(port === undefined ? {} : { port }),
    ...(applied === undefined ? {} : { applied }),
  }
}

/** What was written beside a step of the journal. */
export function toSpec(row: Row): ResolvedInstance {
  const spec = json(row, 'spec')
  if (!isSpec(spec)) throw new RowError('spec', 'a resolved instance')
  return spec
}

const actionKinds = [
  'create',
  'update',
  'restart',
  'replace',
  'start',
  'stop',
  'delete',
  'adopt',
  'rename',
] as const satisfies readonly JournalEntry['action'][]

export function toJournalEntry(row: Row): JournalEntry {
  const endedAt = optional(row, 'ended_at', toText)
  const outcome = optional(row, 'outcome', (row, column) =>
    oneOf(row, column, ['applied', 'failed', 'interrupted'] as const),
  )
  const error = optional(row, 'error', toText)
  return {
    id: integer(row, 'id'),
    planId: toText(row, 'plan_id'),
    revision: toText(row, 'revision'),
    uid: toText(row, 'uid'),
    name: toText(row, 'name'),
    action: oneOf(row, 'action', actionKinds),
    startedAt: toText(row, 'started_at'),
    ...(endedAt === undefined ? {} : { endedAt }),
    ...(outcome === undefined ? {} : { outcome }),
    ...(error === undefined ? {} : { error }),
  }
}

/** What a step of the journal goes back to; nothing is known of one that an older version began. */
export function toOrigin(row: Row): Origin {
  const origin = optional(row, 'origin', json) ?? {}
  if (!isOrigin(origin)) throw new RowError('origin', 'what a step goes back to')
  return origin
}

export function toReconciliation(row: Row): ReconciliationRecord {
  const author = optional(row, 'author', toText)
  const subject = optional(row, 'subject', toText)
  return {
    id: integer(row, 'id'),
    planId: toText(row, 'plan_id'),
    revision: toText(row, 'revision'),
    ...(author === undefined ? {} : { author }),
    ...(subject === undefined ? {} : { subject }),
    cause: toText(row, 'cause'),
    startedAt: toText(row, 'started_at'),
    endedAt: toText(row, 'ended_at'),
    outcome: oneOf(row, 'outcome', ['converged', 'failed', 'refused']),
    headline: toText(row, 'headline'),
  }
}

export function toStatusRecord(row: Row): StatusRecord {
  const record = json(row, 'record')
  if (!isStatusRecord(record)) throw new RowError('record', 'a status')
  return record
}

export function toStoredFlows(row: Row): StoredFlows {
  const savedBy = optional(row, 'saved_by', toText)
  const origin = optional(row, 'origin', (row, column) => oneOf(row, column, flowsOrigins))
  return {
    revision: toText(row, 'revision'),
    nodes: toText(row, 'nodes'),
    credentials: toText(row, 'credentials'),
    savedAt: toText(row, 'saved_at'),
    ...(savedBy === undefined ? {} : { savedBy }),
    ...(origin === undefined ? {} : { origin }),
  }
}

export function toSetAside(row: Row): SetAside {
  const { origin: _, ...flows } = toStoredFlows(row)
  return {
    ...flows,
    id: integer(row, 'id'),
    origin: oneOf(row, 'origin', ['editor', 'edit']),
    setAsideAt: toText(row, 'set_aside_at'),
  }
}

/** Whose the flows of a row were, without them: they may be large. */
export function toSavedBy(row: Row): Pick<SetAside, 'id' | 'revision' | 'savedAt' | 'savedBy'> {
  const savedBy = optional(row, 'saved_by', toText)
  return {
    id: integer(row, 'id'),
    revision: toText(row, 'revision'),
    savedAt: toText(row, 'saved_at'),
    ...(savedBy === undefined ? {} : { savedBy }),
  }
}

export function toLibraryEntry(row: Row): LibraryEntry {
  return {
    type: toText(row, 'type'),
    path: toText(row, 'path'),
    meta: toText(row, 'meta'),
    body: toText(row, 'body'),
  }
}

export function toText(row: Row, column: string): string {
  const value = row[column]
  if (typeof value !== 'string') throw new RowError(column, 'text')
  return value
}

function integer(row: Row, column: string): number {
  const value = row[column]
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw new RowError(column, 'an integer')
  return value
}

function oneOf<T extends string>(row: Row, column: string, allowed: readonly T[]): T {
  const found = allowed.find((one) => one === row[column])
  if (found === undefined) throw new RowError(column, `one of ${allowed.join(', ')}`)
  return found
}

/** Also from an engine that hands out large integers as text. */
export function toNumber(row: Row, column: string): number {
  const value = Number(row[column] ?? Number.NaN)
  if (!Number.isSafeInteger(value)) throw new RowError(column, 'an integer')
  return value
}

function json(row: Row, column: string): unknown {
  try {
    return JSON.parse(toText(row, column))
  } catch (cause) {
    if (cause instanceof RowError) throw cause
    throw new RowError(column, 'JSON')
  }
}

function optional<T>(row: Row, column: string, read: (row: Row, column: string) => T): T | undefined {
  return row[column] === null || row[column] === undefined ? undefined : read(row, column)
}

/**
 * Looks at the outline only: the column is written by `saveApplied` from a value of this type, and the pages of the
 * database are checked when it is opened.
 */
/** As for what was applied: it was written by this program, and no more is proven than that. */
function isSpec(value: unknown): value is ResolvedInstance {
  return isRecord(value) && typeof value['name'] === 'string'
}

function isApplied(value: unknown): value is Applied {
  if (!isRecord(value) || !isRecord(value['spec']) || !isRecord(value['expected'])) return false
  if (value['configured'] !== undefined && !isRecord(value['configured'])) return false
  return typeof value['revision'] === 'string' && typeof value['at'] === 'string'
}

function isOrigin(value: unknown): value is Origin {
  const names = ['author', 'subject', 'cause', 'allowed', 'allowedBy']
  return (
    isRecord(value) &&
    Object.entries(value).every(([name, text]) => names.includes(name) && typeof text === 'string')
  )
}

function isStatusRecord(value: unknown): value is StatusRecord {
  if (!isRecord(value) || typeof value['name'] !== 'string') return false
  if (value['kind'] !== 'Instance') return false
  if (value['message'] !== undefined && typeof value['message'] !== 'string') return false
  const conditions = value['conditions']
  return isOneOf(value['phase'], phases) && Array.isArray(conditions) && conditions.every(isCondition)
}

function isCondition(value: unknown): value is Condition {
  if (!isRecord(value) || !isOneOf(value['type'], conditionTypes)) return false
  if (!isOneOf(value['status'], ['True', 'False', 'Unknown'])) return false
  return ['reason', 'message', 'since', 'observedRevision'].every((key) => typeof value[key] === 'string')
}

function isOneOf(value: unknown, allowed: readonly string[]): boolean {
  return typeof value === 'string' && allowed.includes(value)
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
