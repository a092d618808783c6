import type { Knex } from 'knex'
import { Client } from 'pg'
import type { Lease, LeaseRecord, LeaseVersion } from '../model/lease.ts'
import type { PostgresTarget } from '../model/store-url.ts'
import { connectionConfig, prepareConnection } from './postgres-connection.ts'
import { explainPostgres } from './postgres-errors.ts'
import { closeSockets, createSockets, type Sockets } from './postgres-sockets.ts'
import { leaseTable, takeTurn } from './postgres-turn.ts'

/** Milliseconds: a server that does not answer within them is asked anew, on another connection, while a term lasts. */
const answerWithin = 2_500

const limits = { access: 'READ WRITE', statementTimeout: answerWithin, silence: answerWithin } as const

/** The channel on which writers say that something was written, and doors that the leader is to look. */
const channel = 'weir'

export type Word = 'written' | 'look'

export interface PostgresLease extends LeaseRecord, AsyncDisposable {
  /** Calls back on each word of another process of this fleet. */
  readonly hear: (heard: (word: Word) => void) => void
}

/** Makes the table where there is none. Whatever else may be in the database is not touched. */
export async function makeLeaseTable(db: Knex): Promise<void> {
  await db.transaction(async (trx) => {
    await takeTurn(trx)
    if (await trx.schema.hasTable(leaseTable)) return
    await trx.schema.createTable(leaseTable, (table) => {
      table.integer('id').primary()
      table.bigInteger('term').notNullable()
      table.bigInteger('renewals').notNullable()
      table.integer('duration').notNullable()
      for (const column of ['holder', 'since']) table.text(column).notNullable()
    })
  })
}

/**
 * The lease in a row, on a connection of its own: no work on the store delays a renewal. A connection that breaks off is made
 * anew by the next call.
 * @param prepare is awaited before the first connection, and makes the table.
 */
export function createPostgresLease(target: PostgresTarget, prepare: () => Promise<void>): PostgresLease {
  const hearers = new Set<(word: Word) => void>()
  const sockets = createSockets()
  let prepared: Promise<void> | undefined
  let connection: Promise<Client> | undefined

  const connect = async (): Promise<Client> => {
    prepared ??= prepare()
    await prepared.catch((error: unknown) => {
      prepared = undefined
      throw error
    })
    return listen(target, sockets, (word) => {
      for (const heard of hearers) heard(word)
    })
  }
  const ask = async (sql: string, values: readonly unknown[]): Promise<LeaseVersion | undefined> => {
    connection ??= connect()
    const mine = connection
    try {
      const { rows } = await (await mine).query<LeaseRow>(sql, [...values])
      return rows[0] && toLease(rows[0])
    } catch (error) {
      if (connection === mine) connection = undefined
      void mine.then(destroy, () => undefined)
      throw explainPostgres(target, error)
    }
  }
  return {
    hear: (heard) => void hearers.add(heard),
    read: async (signal) => unlessAborted(ask(select, []), signal),
    write: async (lease, over, signal) =>
      unlessAborted(
        over === undefined ? ask(insert, valuesOf(lease)) : ask(update, [...valuesOf(lease), over]),
        signal,
      ),
    async [Symbol.asyncDispose]() {
      await closeSockets(sockets, async () => (await connection)?.end())
    },
  }
}

interface LeaseRow {
  readonly term: string
  readonly holder: string
  readonly since: string
  readonly duration: number
  readonly renewals: string
}

const columns = 'term, holder, since, duration, renewals'
const select = `SELECT ${columns} FROM ${leaseTable} WHERE id = 1`
const insert = `INSERT INTO ${leaseTable} (id, term, holder, since, duration, renewals) VALUES (1, $1, $2, $3, $4, 0)
  ON CONFLICT DO NOTHING RETURNING ${columns}`
const update = `UPDATE ${leaseTable} SET term = $1, holder = $2, since = $3, duration = $4, renewals = renewals + 1
  WHERE id = 1 AND renewals = $5 RETURNING ${columns}`

function valuesOf({ term, holder, since, duration }: Lease): readonly unknown[] {
  return [term, holder, since, duration]
}

function toLease({ term, holder, since, duration, renewals }: LeaseRow): LeaseVersion {
  return { term: Number(term), holder, since, duration, version: renewals }
}

async function listen(
  target: PostgresTarget,
  sockets: Sockets,
  heard: (word: Word) => void,
): Promise<Client> {
  const config = await connectionConfig(target, 'lease', sockets)
  const client = new Client({ ...config, connectionTimeoutMillis: answerWithin })
  client.on('error', () => undefined)
  client.on('notification', ({ payload }) => {
    if (payload === 'written' || payload === 'look') heard(payload)
  })
  try {
    await client.connect()
    await prepareConnection(client, limits)
    await client.query(`LISTEN ${channel}`)
    return client
  } catch (error) {
    destroy(client)
    throw error
  }
}

function destroy(client: Client): void {
  void client.end().catch(() => undefined)
}

/** Says it to every process of this fleet, when the transaction is committed. */
export async function say(db: Knex, word: Word): Promise<void> {
  await db.raw('SELECT pg_notify(?, ?)', [channel, word])
}

/** What was asked goes on, and its answer is not waited for. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const abort = (): void => reject(signal.reason)
  if (signal.aborted) abort()
  signal.addEventListener('abort', abort, { once: true })
  try {
    return await Promise.race([work, promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
