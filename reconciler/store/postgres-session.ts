import { setTimeout as wait } from 'node:timers/promises'
import { Client } from 'pg'
import { describeTarget, type PostgresTarget } from '../model/store-url.ts'
import { connectionConfig, prepareConnection } from './postgres-connection.ts'
import { StoreError } from './store.ts'

/** A connection that holds the advisory lock of the store. */
export interface LockSession {
  /** Resolves to the reason when the connection is gone, and the lock with it. */
  readonly ended: Promise<string>
  close(): Promise<void>
}

/** The table whose one row says who holds the store. */
export const holderTable = 'holder'

/** "WEIR" in ASCII. Advisory locks are of a database, so that each holds one fleet. */
const lockKey = [0x57_45_49_52, 1]
/** Milliseconds between two looks at whether the connection still answers, and how long an answer may take. */
const beat = 5_000
const answerWithin = 10_000

/**
 * Takes the session advisory lock of a store, on a connection of its own: the server drops it with the connection, so that there
 * is nothing to go stale (https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS).
 * @throws StoreError `store-locked`, naming the holder. Other errors are those of the driver.
 */
export async function takeLock(target: PostgresTarget): Promise<LockSession> {
  const client = new Client(await connectionConfig(target, 'lock'))
  const ended = new Promise<string>((resolve) => {
    client.on('error', (error) => resolve(error.message))
    client.on('end', () => resolve('it was closed'))
  })
  const ending = new AbortController()
  const close = async (): Promise<void> => {
    ending.abort()
    await client.end().catch(() => undefined)
  }
  try {
    await client.connect()
    await prepareConnection(client, { access: 'READ WRITE', silence: answerWithin })
    const { rows } = await client.query<{ held: boolean }>(
      'SELECT pg_try_advisory_lock($1, $2) AS held',
      lockKey,
    )
    if (rows[0]?.held !== true) throw await refusal(client, target)
  } catch (error) {
    await close()
    throw error
  }
  void keepAsking(client, ending.signal)
  void ended.then(() => ending.abort())
  return { ended, close }
}

/** A connection that is cut without a word is noticed by the question that gets no answer. */
async function keepAsking(client: Client, signal: AbortSignal): Promise<void> {
  try {
    for (;;) {
      await wait(beat, undefined, { signal, ref: false })
      await client.query('SELECT 1')
    }
  } catch {
    // closed, or `ended` tells
  }
}

async function refusal(client: Client, target: PostgresTarget): Promise<StoreError> {
  return new StoreError(
    'store-locked',
    `The store ${describeTarget(target)} is in use by ${await describeHolder(client)}.`,
    'Stop that reconciler first, or use another store. A dry run needs no lock.',
  )
}

/** A holder that has only just taken the lock has not written yet who it is; the server knows where it is connected from. */
async function describeHolder(client: Client): Promise<string> {
  const { rows: sessions } = await client.query<{ address: string | null }>(
    `SELECT host(a.client_addr) AS address FROM pg_locks l JOIN pg_stat_activity a USING (pid)
     WHERE l.locktype = 'advisory' AND l.granted AND l.classid = $1 AND l.objid = $2 AND l.objsubid = 2
       AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
    lockKey,
  )
  const { rows } = await client
    .query<{ pid: number; host: string; since: string }>(`SELECT pid, host, since FROM ${holderTable}`)
    .catch(() => ({ rows: [] }))
  const from = sessions[0]?.address ?? 'an unknown address'
  const [holder] = rows
  return holder === undefined
    ? `another process, connected from ${from}`
    : `process ${holder.pid} on ${holder.host}, since ${holder.since}, connected from ${from}`
}
