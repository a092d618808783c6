import { rm } from 'node:fs/promises'
import sqlite from 'sqlite3'
import { hasCode } from '../model/has-code.ts'

interface LockDependencies {
  readonly clock: { sleep(ms: number, signal: AbortSignal): Promise<void> }
  readonly signal: AbortSignal
}

const lookAgainMs = 25

/**
 * Runs `work` while no other process that uses the same lock file does.
 *
 * The lock is a transaction that stays open on an empty database: the operating system drops it with its process,
 * however that ends, so there is none to go stale and none to be taken over by two at once.
 * @throws the reason of the signal, or whatever `work` throws.
 */
export async function withLock<T>(
  file: string,
  work: () => Promise<T>,
  { clock, signal }: LockDependencies,
): Promise<T> {
  for (;;) {
    signal.throwIfAborted()
    const lock = await take(file)
    if (lock === undefined) await clock.sleep(lookAgainMs, signal)
    else
      try {
        return await work()
      } finally {
        await close(lock)
      }
  }
}

/** Undefined: another has it. */
async function take(file: string): Promise<sqlite.Database | undefined> {
  const database = await open(file)
  try {
    await execute(database, 'BEGIN IMMEDIATE')
    return database
  } catch (error) {
    await close(database)
    if (hasCode(error, 'SQLITE_BUSY')) return undefined
    if (!hasCode(error, 'SQLITE_NOTADB')) throw error
    // Nothing is ever written to it: whatever stands there is somebody else's, and nobody holds it.
    await rm(file, { force: true })
    return undefined
  }
}

async function open(file: string): Promise<sqlite.Database> {
  return new Promise((resolve, reject) => {
    const database = new sqlite.Database(file, (error) =>
      error === null ? resolve(database) : reject(error),
    )
  })
}

async function execute(database: sqlite.Database, sql: string): Promise<void> {
  return new Promise((resolve, reject) => {
    database.exec(sql, (error) => (error === null ? resolve() : reject(error)))
  })
}

/** Ends the transaction with the connection. */
async function close(database: sqlite.Database): Promise<void> {
  return new Promise((resolve, reject) => {
    database.close((error) => (error === null ? resolve() : reject(error)))
  })
}
