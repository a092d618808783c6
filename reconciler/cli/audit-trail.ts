import type { Terminal } from './terminal.ts'
import { plainText } from '../plan/plain-text.ts'
import { matchesFilter, type AuditFilter } from '../model/audit.ts'
import {
  exportLine,
  sealedIn,
  unsealed,
  verifyChain,
  type AuditRow,
  type ChainHead,
} from '../model/audit-chain.ts'

interface Deps {
  readonly terminal: Terminal
  readonly signal: AbortSignal
}

/** Proves the trail and prints its head, to be noted elsewhere. Returns the exit code: 0 proven, 1 broken. */
export async function verifyTrail(
  rows: AsyncIterable<AuditRow>,
  { terminal, signal }: Deps,
  noted?: ChainHead,
): Promise<number> {
  const verdict = await verifyChain(untilAborted(rows, signal), noted)
  const { head } = verdict
  if (verdict.intact) {
    terminal.out(
      head.id === 0
        ? 'The audit trail is empty.\n'
        : `The audit trail is as it was written: entries 1 to ${head.id}.\nhead ${head.id}:${head.hash}\n`,
    )
    return 0
  }
  const proven = head.id === 0 ? 'no entry before it' : `entries 1 to ${head.id} are as they were written`
  return broken(`the audit trail is broken at entry ${verdict.id}: ${verdict.problem}; ${proven}`, terminal)
}

/**
 * Prints entries as JSON lines. Each line without its last member is the very text that was hashed, so that a third party
 * needs nothing but SHA-256. Every entry is looked at, and a filter goes by the entry itself: a changed column beside it
 * hides nothing. Returns the exit code: 1 where an entry is not as it was written.
 */
export async function exportTrail(
  rows: AsyncIterable<AuditRow>,
  { terminal, signal }: Deps,
  filter: AuditFilter = {},
): Promise<number> {
  for await (const row of untilAborted(rows, signal)) {
    const [sealed, entry] = [sealedIn(row), unsealed(row)]
    if (sealed === undefined || entry === undefined)
      return broken(`the content of entry ${String(row['id'])} does not match its hash`, terminal)
    if (!matchesFilter(entry, filter)) continue
    terminal.out(`${exportLine(sealed)}\n`)
    await terminal.drained()
  }
  return 0
}

function broken(what: string, { err, paintErr }: Terminal): number {
  err(`${paintErr('red', 'error')}: ${plainText(what)}\n`)
  err('  Keep a copy of the store as it is, and compare it with a backup or an earlier export.\n')
  return 1
}

async function* untilAborted<T>(values: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  for await (const value of values) {
    signal.throwIfAborted()
    yield value
  }
}
