import { RowError } from './rows.ts'
import { StoreError } from './store.ts'

/** What an error of SQLite means for the store in `file`. Errors that are none of SQLite's come back as they are. */
export function explainSqlite(file: string, error: unknown): unknown {
  if (error instanceof StoreError) return error
  if (error instanceof RowError) return corrupt(file, error.message, error)
  const code = sqliteCode(error)
  if (code === undefined) return error
  if (code === 'SQLITE_CORRUPT' || code === 'SQLITE_NOTADB') return corrupt(file, code, error)
  return new StoreError(
    'store-unreachable',
    `The store ${file} cannot be used: ${reasons[code] ?? code}.`,
    remedyFor(code),
    {
      cause: error,
    },
  )
}

/** The result code of SQLite that an error carries (https://sqlite.org/rescode.html). */
export function sqliteCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  return typeof error.code === 'string' && error.code.startsWith('SQLITE_') ? error.code : undefined
}

export function corrupt(file: string, why: string, cause?: unknown): StoreError {
  return new StoreError(
    'store-corrupt',
    `The store ${file} is damaged (${why}). Nothing was changed.`,
    `Restore ${file} from a backup. Nothing runs differently until then: no instance is changed or removed.`,
    { cause },
  )
}

const reasons: { readonly [code: string]: string } = {
  SQLITE_FULL: 'the disk is full',
  SQLITE_IOERR: 'reading or writing failed',
  SQLITE_CANTOPEN: 'the file cannot be opened',
  SQLITE_READONLY: 'the file may not be written',
  SQLITE_BUSY: 'another program holds the file',
  SQLITE_LOCKED: 'another program holds the file',
  SQLITE_PERM: 'the file may not be opened',
}

function remedyFor(code: string): string {
  if (code === 'SQLITE_FULL') return 'Free some space; what was saved before is intact.'
  if (code === 'SQLITE_BUSY' || code === 'SQLITE_LOCKED') return 'Close the other program.'
  return 'Check that the folder exists, belongs to this user, and can be written.'
}
